package protocol

import (
	"reflect"
	"testing"
)

func TestItemIDAndTag(t *testing.T) {
	for _, tt := range []struct {
		item    ThreadItem
		id, tag string
	}{
		{&ThreadItemAgentMessage{ID: "a"}, "a", "agentMessage"},
		{&ThreadItemCommandExecution{ID: "c"}, "c", "commandExecution"},
		{ThreadItemRaw(`{"type":"later","id":"l"}`), "l", "later"},
		{ThreadItemRaw(`7`), "", ""},
		{nil, "", ""},
	} {
		if id, tag := ItemID(tt.item), Tag(tt.item); id != tt.id || tag != tt.tag {
			t.Errorf("%#v: %q %q", tt.item, id, tag)
		}
	}
	if a, b := Tag(AskForApprovalNever), Tag(&AskForApprovalGranular{}); a != "never" || b != "granular" {
		t.Errorf("%q %q", a, b)
	}
	// Every kind of item has an id, so that ItemID means something for all.
	for _, v := range specOf("ThreadItem").variants {
		if f, ok := v.FieldByName("ID"); !ok || f.Type.Kind() != reflect.String {
			t.Errorf("%s has no id", v)
		}
	}
}
