# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whatever is taken away is back within a second of the event, while a server runs: rules, queues, the interface, the manager."""

import os
import signal
import unittest

from case import PORT, RATE, Case
import host
import hostwide


class Rebuild(Case):
    @classmethod
    def setup_class(cls):
        super().setup_class()
        cls.interface = cls.world.interface
        cls.start_server(PORT)
        hostwide.marking(cls.g, True)
        hostwide.shape(cls.g, cls.interface, RATE)
        cls.addClassCleanup(hostwide.unshape, cls.g, cls.interface)

    def setUp(self):
        self.g.until(self.everything, what="marks and a shaper")

    def everything(self):
        return hostwide.marks(PORT) and hostwide.cake(self.interface) is not None

    def test_rules_flushed(self):
        def flush():
            host.run("nft", "flush", "ruleset")
        hostwide.quickest(flush, self.everything)

    def test_table_deleted(self):
        def delete():
            host.run("nft", "delete", "table", "inet", "left4me")
        hostwide.quickest(delete, self.everything)

    def test_queue_deleted(self):
        def delete():
            host.run("tc", "qdisc", "delete", "dev", self.interface, "root")
        hostwide.quickest(delete, self.everything)

    def test_queue_replaced_by_its_default(self):
        def replace():
            host.run("tc", "qdisc", "replace", "dev", self.interface, "root", "handle", "1:", "cake", "besteffort")
        hostwide.quickest(replace, lambda: len(hostwide.cake(self.interface) or ()) == 4)

    def test_interface_removed_and_added(self):
        def again():
            host.run("ip", "link", "delete", self.interface)
            self.world.connect()
        hostwide.quickest(again, self.everything)

    def test_manager_killed(self):
        def kill():
            os.kill(self.g.manager_pid(), signal.SIGKILL)
        # nothing goes away with it, and what goes away meanwhile is back with it
        kill()
        self.assertTrue(self.everything())
        self.g.until(lambda: host.ctl("list", check=False).code == 0, what="the manager")

        def kill_and_flush():
            kill()
            host.run("nft", "flush", "ruleset")
            host.run("tc", "qdisc", "delete", "dev", self.interface, "root", check=False)
        # emulated, its own start takes seconds
        hostwide.quickest(kill_and_flush, self.everything, limit=20)


if __name__ == "__main__":
    unittest.main()
