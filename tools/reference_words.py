"""Descriptions for the reference that the code does not have, by the code's own names.

`make docs` fails for a name that is only in the code, or only here.
"""

from flows.content.fields import Kind
from imports.exportfile.warnings import WarningCode

FIELD_NOTES = {
    (Kind.FLOW, "name"): "Required. May be empty: then the flow is matched by its uuid only.",
    (Kind.FLOW, "listenerType"): "What starts the flow.",
    (Kind.FLOW, "isLocked"): "An import overwrites a locked flow with `--override-locks` only.",
    (Kind.FLOW, "connections"): "The connections that the flow uses.",
    (Kind.FLOW, "secrets"): "The secrets that the flow uses.",
    (Kind.FLOW, "nodes"): "A node has `id`, `type`, `position` and `data`; only that it is an "
    "object is checked.",
    (Kind.FLOW, "edges"): "An edge has `id`, `source` and `target`; only that it is an object is "
    "checked.",
    (Kind.FLOW, "viewport"): "The part of the graph that the editor shows: `x`, `y` and `zoom`.",
    (Kind.CONNECTION, "name"): "Required. May be empty, as a flow's.",
    (Kind.CONNECTION, "type"): "The system that is reached. Any text is kept.",
    (Kind.CONNECTION, "devValue"): "The settings for development, as a JavaScript object in text. "
    "It may name `secrets.NAME`.",
    (Kind.CONNECTION, "prodValue"): "The same for production. Where it is empty, `devValue` is "
    "used.",
    (Kind.SECRET, "name"): "Required. A JavaScript identifier, unique among the secrets.",
}

WARNINGS: dict[str, str] = {
    "secret-to-new-destination": "A connection sends a stored value of a secret to a destination "
    "that the value was not sent to before. Serious, and a right of its own is needed.",
    "code-uses-secret": "The code of a flow that is here begins to use a stored value. Serious.",
    WarningCode.SECRET_RENAMED_IN_USE: "A secret gets another name, and others keep using the old "
    "one.",
    WarningCode.DANGLING_REFERENCE: "The item refers to something that is neither in the file nor "
    "on the server after the import.",
    WarningCode.INVISIBLE_CHARACTERS: "A text of the item has characters that are not seen, and "
    "the row has none there yet. Serious where they make code, a host or a name lie.",
    WarningCode.EDITED_HERE: "The row was edited on this server since its last import.",
    WarningCode.OLDER_FILE: "The file's item is older than the one that was imported last.",
    WarningCode.RENAMES: "An overwrite gives the row another name.",
    WarningCode.SHARED_NAME: "Two rows of the kind have one name after the import, and not in the "
    "file.",
    WarningCode.BROUGHT_BACK: "The uuid is that of a deleted row, which comes back.",
    WarningCode.VALUE_IGNORED: "The file has a value of a secret, which is ignored.",
    WarningCode.DELETION_IGNORED: "The file says `isDeleted`, which is ignored.",
    WarningCode.LEFTOVER_FILES: "Nothing in a flow of a directory names some of its folder.",
    WarningCode.NO_NAME: "The item has no name, and is matched by its uuid only.",
}
