package rollout

import (
	"bytes"
	"slices"
	"strings"
)

// changesToWire turns {path: {type, content | unified_diff, move_path}} into a list of {path, kind, diff}, by path.
func changesToWire(dst, changes []byte) []byte {
	f := parseFields(changes)
	defer f.free()
	slices.SortFunc(f.list, func(a, b field) int { return bytes.Compare(a.key, b.key) })
	dst = append(dst, '[')
	for i, c := range f.list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = changeToWire(dst, string(c.key), c.value)
	}
	return append(dst, ']')
}

func changeToWire(dst []byte, path string, change []byte) []byte {
	w := objectWriter{append(dst, '{')}
	w.str("path", path)
	tag := memberString(change, "type")
	w.key("kind")
	kind := objectWriter{append(w.b, '{')}
	kind.str("type", tag)
	diff := memberString(change, "content")
	if tag == "update" {
		move := member(change, "move_path")
		kind.orNull("move_path", move)
		diff = memberString(change, "unified_diff")
		if !isNull(move) {
			diff += movedTo + decodeString(move)
		}
	}
	w.b = append(kind.b, '}')
	w.str("diff", diff)
	return append(w.b, '}')
}

const movedTo = "\n\nMoved to: "

func changesToFile(dst, changes []byte) []byte {
	dst = append(dst, '{')
	elements(changes, func(change []byte) bool {
		w := objectWriter{dst}
		w.key(memberString(change, "path"))
		kind := member(change, "kind")
		tag := memberString(kind, "type")
		in := objectWriter{append(w.b, '{')}
		in.str("type", tag)
		diff := memberString(change, "diff")
		if tag == "update" {
			move := member(kind, "move_path")
			if !isNull(move) {
				diff = strings.TrimSuffix(diff, movedTo+decodeString(move))
			}
			in.str("unified_diff", diff)
			in.orNull("move_path", move)
		} else {
			in.str("content", diff)
		}
		dst = append(in.b, '}')
		return true
	})
	return append(dst, '}')
}
