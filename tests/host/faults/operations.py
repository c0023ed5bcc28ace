# SPDX-License-Identifier: LGPL-2.1-or-later
"""All that can be asked of left4med, by the words that name the tests."""

import build_operations as b
import overlay_operations as o
import server_operations as s

OPERATIONS = {
    "start": s.Start, "stop": s.Stop, "restart": s.Restart, "create": s.Create, "clone": s.Clone, "configure": s.Configure,
    "rename": s.Rename, "reset": s.Reset, "delete": s.Delete, "create_overlay": o.CreateOverlay, "import": o.Import,
    "import_slow": o.ImportSlow, "import_zip": o.ImportZip, "put_file": o.PutFile, "remove_file": o.RemoveFiles,
    "rollback": o.Rollback, "prune": o.Prune, "rename_overlay": o.RenameOverlay, "delete_overlay": o.DeleteOverlay,
    "set_source": b.SetSource, "seed": b.Seed, "freeze": b.Freeze, "build_script": b.BuildScript, "build_workshop": b.BuildWorkshop,
    "build_steam": b.BuildSteam}
