package tool_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/codexhost/codexhost/manager/tool"
)

// picture is w by h, red on the left half and blue on the right.
func picture(w, h int) image.Image {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.RGBA{255, 0, 0, 255}
			if x >= w/2 {
				c = color.RGBA{0, 0, 255, 255}
			}
			img.SetRGBA(x, y, c)
		}
	}
	return img
}

func encoded(t *testing.T, kind string, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	var err error
	switch kind {
	case "png":
		err = png.Encode(&b, img)
	case "jpeg":
		err = jpeg.Encode(&b, img, nil)
	case "gif":
		err = gif.Encode(&b, img, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// huge is the head of a PNG that claims to be so large.
func huge(w, h uint32) []byte {
	head := []byte("IHDR")
	head = binary.BigEndian.AppendUint32(head, w)
	head = binary.BigEndian.AppendUint32(head, h)
	head = append(head, 8, 2, 0, 0, 0)
	b := append([]byte("\x89PNG\r\n\x1a\n"), 0, 0, 0, 13)
	b = append(b, head...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(head))
}

// view calls the tool in a folder and gives back what the model sees: a picture,
// or a text.
func view(t *testing.T, turn *turn, path string) (kind string, data []byte, text string) {
	t.Helper()
	args, _ := json.Marshal(map[string]string{"path": path})
	out := tool.NewViewImage(true).Run(context.Background(), turn, tool.Call{ID: "c1", Arguments: string(args)})
	var parts []struct {
		Type   string
		URL    string `json:"image_url"`
		Detail string
	}
	if json.Unmarshal(out.Body, &parts) != nil {
		if err := json.Unmarshal(out.Body, &text); err != nil {
			t.Fatalf("%v in %s", err, out.Body)
		}
		return "", nil, text
	}
	if len(parts) != 1 || parts[0].Type != "input_image" || parts[0].Detail != "high" {
		t.Fatalf("the model is sent %.200s", out.Body)
	}
	kind, code, ok := strings.Cut(strings.TrimPrefix(parts[0].URL, "data:"), ";base64,")
	data, err := base64.StdEncoding.DecodeString(code)
	if !ok || err != nil {
		t.Fatalf("the picture's address is %.200s", parts[0].URL)
	}
	return kind, data, ""
}

func TestViewImage(t *testing.T) {
	dir := t.TempDir()
	tests := []struct {
		name string
		file []byte
		kind string
		w, h int // of what is sent; 0 means the file as it is
	}{
		{"small.png", encoded(t, "png", picture(8, 4)), "image/png", 0, 0},
		{"small.gif", encoded(t, "gif", picture(8, 4)), "image/gif", 0, 0},
		{"just.jpeg", encoded(t, "jpeg", picture(2048, 16)), "image/jpeg", 0, 0},
		{"wide.png", encoded(t, "png", picture(4000, 100)), "image/png", 2048, 51},
		{"tall.jpeg", encoded(t, "jpeg", picture(100, 3000)), "image/jpeg", 68, 2048},
		{"flat.gif", encoded(t, "gif", picture(5000, 1)), "image/png", 2048, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(dir, test.name)
			if err := os.WriteFile(path, test.file, 0o600); err != nil {
				t.Fatal(err)
			}
			turn := &turn{}
			kind, data, text := view(t, turn, path)
			if kind != test.kind || text != "" {
				t.Fatalf("the model is sent %s %q", kind, text)
			}
			if test.w == 0 {
				if !bytes.Equal(data, test.file) {
					t.Error("a picture that fits is sent changed")
				}
			} else {
				img, _, err := image.Decode(bytes.NewReader(data))
				if err != nil {
					t.Fatal(err)
				}
				if s := img.Bounds().Size(); s != image.Pt(test.w, test.h) {
					t.Errorf("it is %v, not %d by %d", s, test.w, test.h)
				}
				for x, want := range map[int]string{test.w / 8: "red", test.w * 7 / 8: "blue"} {
					r, _, b, _ := img.At(x, test.h/2).RGBA()
					if got := map[bool]string{true: "red", false: "blue"}[r > b]; got != want {
						t.Errorf("at %d it is %s", x, got)
					}
				}
			}
			if len(turn.log) != 2 || !strings.HasPrefix(turn.log[0], `started {"type":"imageView"`) || !strings.HasPrefix(turn.log[1], `completed {"type":"imageView"`) ||
				!strings.Contains(turn.log[1], fmt.Sprintf(`"id":"c1","path":%q`, path)) {
				t.Errorf("the client heard\n%s", strings.Join(turn.log, "\n"))
			}
		})
	}
}

// What cannot be shown is said to the model, and nothing is told to the client.
func TestViewImageRefuses(t *testing.T) {
	dir := t.TempDir()
	whole := encoded(t, "png", picture(64, 64))
	for name, data := range map[string][]byte{"text.txt": []byte("hello"), "torn.png": whole[:len(whole)/2], "bomb.png": huge(100_000, 100_000)} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	large, err := os.Create(filepath.Join(dir, "large.png"))
	if err != nil {
		t.Fatal(err)
	}
	if err := large.Truncate(33 << 20); err != nil {
		t.Fatal(err)
	}
	_ = large.Close()
	tests := []struct{ file, want string }{
		{"none.png", "unable to locate image at `" + filepath.Join(dir, "none.png") + "`: "},
		{"", "image path `" + dir + "` is not a file"},
		{"text.txt", "unable to process image: invalid or unsupported image data"},
		{"torn.png", "unable to process image: invalid or unsupported image data"},
		{"bomb.png", "unable to process image: the image is too large"},
		{"large.png", "unable to read image at `" + filepath.Join(dir, "large.png") + "`: it has more than 32 MiB"},
	}
	for _, test := range tests {
		turn := &turn{}
		_, _, text := view(t, turn, filepath.Join(dir, test.file))
		if !strings.HasPrefix(text, test.want) || len(turn.log) != 0 {
			t.Errorf("%s: the model reads %q, the client hears %q", test.file, text, turn.log)
		}
	}
	for args, want := range map[string]string{`{}`: "missing field `path`", `{"path":3}`: "failed to parse function arguments"} {
		if out := tool.NewViewImage(true).Run(context.Background(), &turn{}, tool.Call{Arguments: args}); !strings.Contains(string(out.Body), want) {
			t.Errorf("%s: %s", args, out.Body)
		}
	}
}

func TestViewImageIsForModelsThatSee(t *testing.T) {
	v := tool.NewViewImage(false)
	found, ok := v.Find("", "view_image")
	if !ok || len(v.Specs()) != 0 || len(tool.NewViewImage(true).Specs()) != 1 {
		t.Fatal("the tool is shown to a model that takes no images, or not found")
	}
	if out := found.Run(context.Background(), &turn{}, tool.Call{Arguments: `{"path":"x"}`}); string(out.Body) != `"view_image is not allowed because you do not support image inputs"` {
		t.Errorf("the model reads %s", out.Body)
	}
}

// A picture as large as any that is taken, made smaller.
func BenchmarkViewImage(b *testing.B) {
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, picture(4000, 3000), nil); err != nil {
		b.Fatal(err)
	}
	path := filepath.Join(b.TempDir(), "p.jpeg")
	if err := os.WriteFile(path, buf.Bytes(), 0o600); err != nil {
		b.Fatal(err)
	}
	args, _ := json.Marshal(map[string]string{"path": path})
	for b.Loop() {
		tool.NewViewImage(true).Run(context.Background(), &turn{}, tool.Call{ID: "c1", Arguments: string(args)})
	}
}
