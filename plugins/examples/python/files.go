// Package python holds the example plugins in Python, which "codexhost plugin
// new --lang python" hands out: what is tested is what authors start from. It
// owns these files and must not know who asks for them. They need grpcio and
// protobuf; the *_pb2.py are generated.
package python

import (
	"bytes"
	"embed"
	"fmt"
)

//go:embed *.py
var files embed.FS

// exampleName is what the example plugins call themselves.
const exampleName = `NAME = "example"`

// Files returns the files of a plugin of a kind, skill or mcp, that calls itself
// name. The program is called plugin.
func Files(kind, name string) (map[string][]byte, error) {
	from := map[string]string{"plugin": kind + "_plugin.py", "codexhost.py": "codexhost.py", "plugin_pb2.py": "plugin_pb2.py", kind + "_pb2.py": kind + "_pb2.py"}
	if kind == "mcp" {
		from["codexhost_mcp.py"] = "codexhost_mcp.py"
	}
	out := make(map[string][]byte, len(from))
	for to, file := range from {
		text, err := files.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("finding the example of kind %s: %w", kind, err)
		}
		out[to] = bytes.Replace(text, []byte(exampleName), fmt.Appendf(nil, "NAME = %q", name), 1)
	}
	return out, nil
}
