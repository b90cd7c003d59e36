package rollout

import "sync"

// fields is an object taken apart; take marks a member as dealt with.
type fields struct{ list []field }

type field struct {
	key, value []byte
	used       bool
}

// parseFields takes an object apart; the caller frees the result.
func parseFields(object []byte) *fields {
	f := freeFields.Get().(*fields)
	f.list = f.list[:0]
	members(object, func(key, value []byte) bool {
		f.list = append(f.list, field{key, value, false})
		return true
	})
	return f
}

// freeFields saves an allocation for each of the objects of a long history.
var freeFields = sync.Pool{New: func() any { return &fields{list: make([]field, 0, 24)} }}

func (f *fields) free() { freeFields.Put(f) }

// take returns the raw value of the first of the names that is there, or nil.
func (f *fields) take(names ...string) []byte {
	for _, name := range names {
		for i := range f.list {
			if string(f.list[i].key) == name {
				f.list[i].used = true
				return f.list[i].value
			}
		}
	}
	return nil
}

func (f *fields) rest(w *objectWriter, spell func(string) string) {
	for _, m := range f.list {
		if !m.used {
			w.key(spell(string(m.key)))
			w.b = append(w.b, m.value...)
		}
	}
}

// orNull writes a member, null where the value is absent.
func (w *objectWriter) orNull(name string, value []byte) {
	if len(value) == 0 {
		value = []byte("null")
	}
	w.raw(name, value)
}

func (w *objectWriter) orEmpty(name string, value []byte, empty string) {
	if isNull(value) {
		value = []byte(empty)
	}
	w.raw(name, value)
}
