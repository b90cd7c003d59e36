package config

// locate finds where a setting is written. A setting that exists only as part of longer keys is at the first of them.
func locate(src string, path []string) (span, bool) {
	exprs, _ := scan(src)
	var implicit *span
	for _, e := range exprs {
		common := prefixLen(e.path, path)
		switch {
		case common == len(path) && len(e.path) == len(path):
			if e.kind == exprKeyValue {
				return e.value.at, true
			}
			return span{e.start, e.end}, true
		case common == len(path) && implicit == nil:
			if k := keyFor(e, len(path)); k != nil {
				implicit = k
			}
		case common == len(e.path) && e.kind == exprKeyValue:
			if at, ok := e.value.find(path[common:]); ok {
				return at, true
			}
		}
	}
	if implicit != nil {
		return *implicit, true
	}
	return span{}, false
}

// keyFor is the place of the key segment that names the table at the given depth; nil when it is in an earlier header.
func keyFor(e expr, depth int) *span {
	i := depth - 1 - (len(e.path) - len(e.keys))
	if e.kind == exprArrayTable {
		i++
	}
	if i < 0 || i >= len(e.keys) {
		return nil
	}
	return &e.keys[i].at
}

// find walks into inline tables and arrays.
func (v value) find(path []string) (span, bool) {
	if len(path) == 0 {
		return v.at, true
	}
	for i, item := range v.items {
		if index(i) == path[0] {
			return item.find(path[1:])
		}
	}
	for _, e := range v.entries {
		keys := names(e.keys)
		switch n := prefixLen(keys, path); {
		case n == len(keys):
			return e.value.find(path[n:])
		case n == len(path):
			return e.at, true
		}
	}
	return span{}, false
}

// prefixLen counts the leading segments that two paths share.
func prefixLen(a, b []string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}
