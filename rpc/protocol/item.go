package protocol

import (
	"encoding/json"
	"reflect"
)

// Tag is what tells a variant of a union on the wire: the value of its tag ("agentMessage"), its key ("granular") or the
// bare name itself; for a Raw variant what its own JSON says; "" if there is none.
func Tag(variant any) string {
	v := reflect.ValueOf(variant)
	switch {
	case !v.IsValid():
		return ""
	case v.Kind() == reflect.String:
		return v.String()
	case v.Kind() == reflect.Slice:
		var raw struct {
			Type string `json:"type"`
		}
		_ = json.Unmarshal(v.Bytes(), &raw) // what is no object has no tag
		return raw.Type
	case v.Kind() != reflect.Pointer || v.IsNil():
		return ""
	}
	o := planOf(v.Type().Elem(), leafPlain).object
	switch {
	case o == nil:
		return ""
	case o.key != "":
		return o.key
	}
	return o.value
}

// ItemID is the id of an item of any kind, "" if it has none.
func ItemID(item ThreadItem) string {
	switch item := item.(type) {
	case nil:
		return ""
	case ThreadItemRaw:
		var raw struct {
			ID string `json:"id"`
		}
		_ = json.Unmarshal(item, &raw) // what is no object has no id
		return raw.ID
	}
	v := reflect.ValueOf(item).Elem()
	o := planOf(v.Type(), leafPlain).object
	if i, ok := o.byName["id"]; ok {
		return v.Field(o.fields[i].index).String()
	}
	return ""
}
