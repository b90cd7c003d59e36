package thread

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// userItem is what the user said, as the model reads it. Images that cannot be
// sent become a sentence that says so.
func userItem(items []protocol.UserInput) json.RawMessage {
	b := []byte(`{"type":"message","id":`)
	b = appendString(b, "msg_"+newID())
	b = append(b, `,"role":"user","content":[`...)
	n := 0
	part := func(head, value, tail string) {
		if n++; n > 1 {
			b = append(b, ',')
		}
		b = append(b, head...)
		b = appendString(b, value)
		b = append(b, tail...)
	}
	for _, item := range items {
		switch in := item.(type) {
		case *protocol.UserInputText:
			part(`{"type":"input_text","text":`, in.Text, `}`)
		case *protocol.UserInputImage:
			part(`{"type":"input_image","image_url":`, value(in.URL), `,"detail":"high"}`)
		case *protocol.UserInputLocalImage:
			if url, err := localImage(in.Path); err != nil {
				part(`{"type":"input_text","text":`, err.Error(), `}`)
			} else {
				part(`{"type":"input_image","image_url":`, url, `,"detail":"high"}`)
			}
		}
	}
	return append(b, "]}"...)
}

// localImage is a file as a data URL. Its errors are for the model to read.
func localImage(path string) (string, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() { // a pipe or a device would not end
		//lint:ignore ST1005 models know the text
		return "", fmt.Errorf("Codex could not read the local image at `%s`: it is no file", path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		//lint:ignore ST1005 models know the text
		return "", fmt.Errorf("Codex could not read the local image at `%s`: %w", path, err)
	}
	kind := http.DetectContentType(data)
	switch kind {
	case "image/png", "image/jpeg", "image/gif", "image/webp":
		return "data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(data), nil
	}
	//lint:ignore ST1005 models know the text
	return "", fmt.Errorf("Codex cannot attach image at `%s`: unsupported image format `%s`", path, kind)
}

// previewOf is the first text a user said: what lists show of a thread.
func previewOf(items []protocol.UserInput) string {
	for _, item := range items {
		if text, ok := item.(*protocol.UserInputText); ok && text.Text != "" {
			_, after, found := strings.Cut(text.Text, "## My request for Codex:")
			if found {
				return strings.TrimSpace(after)
			}
			return text.Text
		}
	}
	return ""
}

func value(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}
