# SPDX-License-Identifier: LGPL-2.1-or-later
"""A server or an overlay gets another name: what is asked for, and what has to be there whatever happened meanwhile."""

import wire
from ground import OVERLAY
from subjects import Subjects


class ServerRename(Subjects):
    """Of a server that wrote something."""
    subject, other = "", ""

    def prepare(self):
        self.forget(self.other)
        self.need(self.subject)
        self.mark(self.subject)
        self.before = self.settings(self.subject)

    def post(self):
        return self.g.post_instance(self.subject, "Rename", "s", self.other)

    def found(self):
        """The name that it has: it is there under one of them, as it was."""
        found = [n for n in (self.subject, self.other) if self.there(n)]
        if len(found) != 1 or not self.marked(found[0]) or self.settings(found[0]) != self.before:
            raise AssertionError(f"after a rename there are {found}, "
                                 f"files of {[n for n in (self.subject, self.other) if self.marked(n)]}")
        return found[0]


class OverlayRename(Subjects):
    """Of an overlay that is in the stack of a server; prepare() has to set `before`, its facts()."""
    names, user = ("", ""), ""

    def facts(self, name):
        properties = self.g.get_all(wire.NAME, wire.overlay_path(name), OVERLAY)
        return [properties[word] for word in ("Current", "Versions", "KeepVersions", "UsedBy", "State")]

    def taken(self):
        return [n for n in self.names if wire.overlay_path(n) in self.g.objects()]

    def found(self):
        """The name that it has: it is there under one of them, as it was, and its server knows it."""
        found, overlays = self.taken(), self.settings(self.user)["Overlays"]
        if len(found) != 1 or self.facts(found[0]) != self.before or overlays != found:
            raise AssertionError(f"after a rename there are {found} with {[self.facts(n) for n in found]} instead of "
                                 f"{self.before}, and {self.user} has {overlays}")
        return found[0]
