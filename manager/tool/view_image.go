package tool

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// ViewImage is view_image: the model looks at a picture in a file.
type ViewImage struct {
	images bool // the model takes images
	one    sync.Mutex
}

// NewViewImage makes the tool for one request. images says whether the model
// takes images; to one that does not, the tool says so.
func NewViewImage(images bool) *ViewImage { return &ViewImage{images: images} }

const (
	viewImageName = "view_image"
	// mostImageBytes is the largest file that is read.
	mostImageBytes = 32 << 20
)

const viewImageSpec = `{"type":"function","name":"view_image","description":"Shows you a picture from a local file: PNG, JPEG, GIF or WebP. For pictures that have not been shown to you already.","strict":false,` +
	`"parameters":{"type":"object","properties":{"path":{"type":"string","description":"The file, absolute or from the working directory."}},"required":["path"],"additionalProperties":false}}`

// Specs implements Offer.
func (v *ViewImage) Specs() []json.RawMessage {
	if !v.images {
		return nil
	}
	return []json.RawMessage{json.RawMessage(viewImageSpec)}
}

// Find implements Offer.
func (v *ViewImage) Find(namespace, name string) (Tool, bool) {
	return v, namespace == "" && name == viewImageName
}

// Run reads the picture and shows the user that it did. A picture takes memory
// while it is made smaller, so the calls of a response take turns.
func (v *ViewImage) Run(ctx context.Context, t Turn, c Call) Output {
	if !v.images {
		return Text("view_image is not allowed because you do not support image inputs")
	}
	var args struct{ Path *string }
	if err := json.Unmarshal([]byte(c.Arguments), &args); err != nil {
		return Errorf("failed to parse function arguments: %v", err)
	}
	if args.Path == nil {
		return Text("failed to parse function arguments: missing field `path`")
	}
	path := *args.Path
	if !filepath.IsAbs(path) {
		path = filepath.Join(t.Cwd(), path)
	}
	v.one.Lock()
	defer v.one.Unlock()
	data, err := imageFile(path)
	if err != nil {
		return Text(err.Error())
	}
	kind, data, err := fitImage(ctx, data)
	if err != nil {
		return Errorf("unable to process image: %v", err)
	}
	now := t.Now().UnixMilli()
	item := &protocol.ThreadItemImageView{ID: c.ID, Path: protocol.LegacyAppPathString(path), StartedAtMs: &now}
	shown := *item
	t.Start(ctx, &shown)
	item.CompletedAtMs = &now
	t.Complete(context.WithoutCancel(ctx), item)
	body := append([]byte(`[{"type":"input_image","image_url":"data:`), kind...)
	body = append(body, ";base64,"...)
	body = base64.StdEncoding.AppendEncode(body, data)
	return Output{append(body, `","detail":"high"}]`...)}
}

// imageFile reads a file that may be a picture. The error is for the model.
func imageFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("unable to locate image at `%s`: %s", path, osError(err))
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("image path `%s` is not a file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("unable to read image at `%s`: %s", path, osError(err))
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, mostImageBytes+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("unable to read image at `%s`: %s", path, osError(err))
	case len(data) > mostImageBytes:
		return nil, fmt.Errorf("unable to read image at `%s`: it has more than %d MiB", path, mostImageBytes>>20)
	}
	return data, nil
}
