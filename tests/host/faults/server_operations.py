# SPDX-License-Identifier: LGPL-2.1-or-later
"""What can be asked of a server."""

import wire
from ground import V
from operation import GAME, MAPS, OTHER, SUBJECT, Operation
from renames import ServerRename


class Start(Operation):
    def post(self):
        return self.g.post_instance(SUBJECT, "Start")

    def happened(self):
        return self.active_state(SUBJECT) == "active"


class Stop(Operation):
    # it can fail with the server ended, when nobody can tell whether its files are unmounted
    destructive = True

    def prepare(self):
        self.need(SUBJECT, running=True)

    def post(self):
        return self.g.post_instance(SUBJECT, "Stop")

    def happened(self):
        return self.active_state(SUBJECT) != "active"


class Restart(Stop):
    destructive = False

    def post(self):
        return self.g.post_instance(SUBJECT, "Restart")

    def happened(self):
        return True if self.active_state(SUBJECT) == "active" else None


class Create(Operation):
    def prepare(self):
        self.need(SUBJECT)
        self.forget(OTHER)

    def post(self):
        return self.g.post(*wire.MANAGER, "CreateInstance", "sa{sv}", OTHER,
                           {"Game": V("s", GAME), "Overlays": V("as", [MAPS]), "Lines": V("as", ["made"])})

    def happened(self):
        if not self.there(OTHER):
            return False
        settings = self.settings(OTHER)
        if (settings["Lines"], settings["Overlays"]) != (["made"], [MAPS]):
            raise AssertionError(f"{OTHER} was created with {settings}")
        return True


class Clone(Create):
    def prepare(self):
        super().prepare()
        self.g.instance(SUBJECT, "Configure", "a{sv}", {"Lines": V("as", ["made"])})

    def post(self):
        return self.g.post_instance(SUBJECT, "Clone", "sa{sv}", OTHER, {})


class Configure(Operation):
    old, new = {"Lines": ["old"], "Cvars": {"hostname": "old"}}, {"Lines": ["new"], "Cvars": {"hostname": "new"}}

    @staticmethod
    def values(settings):
        return {"Lines": V("as", settings["Lines"]), "Cvars": V("a{ss}", settings["Cvars"])}

    def prepare(self):
        self.need(SUBJECT)
        self.g.instance(SUBJECT, "Configure", "a{sv}", self.values(self.old))

    def post(self):
        return self.g.post_instance(SUBJECT, "Configure", "a{sv}", self.values(self.new))

    def happened(self):
        settings = self.settings(SUBJECT)
        now = {key: settings[key] for key in self.old}
        if now not in (self.old, self.new):
            raise AssertionError(f"{SUBJECT} is half configured: {now}")
        return now == self.new


class Rename(ServerRename, Operation):
    subject, other = SUBJECT, OTHER

    def happened(self):
        return self.found() == OTHER


class Reset(Operation):
    destructive = True

    def prepare(self):
        self.need(SUBJECT)
        self.mark(SUBJECT)

    def post(self):
        return self.g.post_instance(SUBJECT, "Reset")

    def happened(self):
        if not self.there(SUBJECT):
            raise AssertionError("a reset took the server itself away")
        return not self.marked(SUBJECT)


class Delete(Reset):
    def post(self):
        return self.g.post_instance(SUBJECT, "Delete")

    def happened(self):
        return not self.there(SUBJECT)
