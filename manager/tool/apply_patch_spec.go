package tool

import "encoding/json"

// applyPatchGrammar is the patch format for models that write tool input by a
// grammar. What is read is a little more lenient.
const applyPatchGrammar = `start: begin operation+ end
begin: "*** Begin Patch" LF
end: "*** End Patch" LF?

operation: add | delete | update
add: "*** Add File: " path LF added+
delete: "*** Delete File: " path LF
update: "*** Update File: " path LF move? hunk+
move: "*** Move to: " path LF

hunk: place line+ last?
place: "@@" LF | "@@ " text LF
line: kept | removed | added
kept: " " text? LF
removed: "-" text? LF
added: "+" text? LF
last: "*** End of File" LF

path: /[^\n]+/
text: /[^\n]+/

%import common.LF
`

const applyPatchDescription = "Edits files. The input is a patch, written as it is, not as JSON: " +
	"each operation adds, deletes or updates one file; an update shows the lines around a change so that they can be found."

// applyPatchHelp teaches the format to models that are given no grammar.
const applyPatchHelp = `

*** Begin Patch
*** Add File: path
+every line of the new file
*** Delete File: path
*** Update File: path
*** Move to: new path (optional)
@@ a line to look for first, such as the head of a function (optional)
 a line that stays
-a line that goes
+a line that comes
*** End Patch

Show about three lines before and after each change. Paths are relative to the working folder.`

func applyPatchFreeform() json.RawMessage {
	return mustRaw(map[string]any{"type": "custom", "name": applyPatchName, "description": applyPatchDescription,
		"format": map[string]string{"type": "grammar", "syntax": "lark", "definition": applyPatchGrammar}})
}

func applyPatchFunction() json.RawMessage {
	return mustRaw(map[string]any{"type": "function", "name": applyPatchName, "strict": false,
		"description": "Edits files. The input is a patch: each operation adds, deletes or updates one file." + applyPatchHelp,
		"parameters": map[string]any{"type": "object", "additionalProperties": false, "required": []string{"input"},
			"properties": map[string]any{"input": map[string]string{"type": "string", "description": "The whole patch."}}}})
}

// mustRaw encodes what always has a form.
func mustRaw(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return raw
}
