package jsonrpc

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestQueueModel drives a queue without its writer through random sends and takes, and compares what comes out with
// what went in: each item's text byte for byte, and no piece on the wrong side of another frame.
func TestQueueModel(t *testing.T) {
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 1))
		q := newQueue(&style{}, 1<<40)
		items := 1 + r.IntN(40) // more than mergeReach, at times
		var out bytes.Buffer
		var want []map[string]string // text per item between two frames
		want = append(want, map[string]string{})
		take := func() {
			if q.first == len(q.segs) {
				return
			}
			batch := q.take(nil)
			f := new(frame)
			for _, s := range batch {
				if s.delta != nil {
					out.Write(f.appendDelta(q.style, s.delta))
				} else {
					out.Write(s.buf)
				}
			}
			q.wrote(batch)
		}
		for n := range 2000 {
			switch k := r.IntN(100); {
			case k < 85:
				item := fmt.Sprint(r.IntN(items))
				text := fmt.Sprintf("%d.%s;", n, strings.Repeat("x", r.IntN(1+r.IntN(1500))))
				d := delta(item, text)
				if err := q.delta(t.Context(), &d, int64(n)); err != nil {
					t.Fatal(err)
				}
				want[len(want)-1][item] += text
			case k < 88:
				size := []int{10, 1000, maxPooled, chunkSize, 80 * kib}[r.IntN(5)]
				if err := q.put(fmt.Appendf(nil, `{"method":"mark","params":{"item":%q}}`+"\n", strings.Repeat("p", size))); err != nil {
					t.Fatal(err)
				}
				want = append(want, map[string]string{})
			case k < 90 && r.IntN(4) == 0:
				for range r.IntN(2000) {
					take()
				}
			default:
				take()
			}
		}
		for q.first < len(q.segs) {
			take()
		}
		if q.held != 0 || q.written != q.pushed {
			t.Fatalf("seed %d: %d bytes held, %d of %d segments written", seed, q.held, q.written, q.pushed)
		}
		got := []map[string]string{{}}
		for _, n := range notes(t, out.Bytes()) {
			if n.Method == "mark" {
				got = append(got, map[string]string{})
				continue
			}
			got[len(got)-1][n.Params.Item] += n.Params.Delta
		}
		if len(got) != len(want) {
			t.Fatalf("seed %d: %d frames, want %d", seed, len(got)-1, len(want)-1)
		}
		for i := range want {
			for item := range want[i] {
				if got[i][item] != want[i][item] {
					t.Fatalf("seed %d: item %s before frame %d differs", seed, item, i)
				}
			}
		}
	}
}
