package protocol

import "reflect"

// ExperimentalUse tells whether a request uses something that only clients may use which said experimentalApi, and
// what, worded as the reference's refusal words it: "thread/start.dynamicTools", "askForApproval.granular". params is what
// the method's Decode returned. A member counts when it holds anything but null or its default; an empty list counts.
// The method itself is not looked at: Method.Experimental tells.
func ExperimentalUse(method string, params any) (what string, used bool) {
	v := reflect.ValueOf(params)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return "", false
	}
	v = v.Elem()
	o := planOf(v.Type(), leafPlain).object
	if o == nil {
		return "", false
	}
	for i := range o.fields {
		f := &o.fields[i]
		fv := v.Field(f.index)
		if isEmpty(fv) {
			continue
		}
		if f.experiment {
			return method + "." + f.name, true
		}
		if fv.Kind() != reflect.Interface {
			continue
		}
		if _, granular := fv.Interface().(*AskForApprovalGranular); granular {
			return "askForApproval.granular", true
		}
	}
	return "", false
}
