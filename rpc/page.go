package rpc

import (
	"strconv"

	"github.com/codexhost/codexhost/manager/thread"
)

// pageOf cuts a page out of a list that is short enough to be made whole. Its
// cursors are offsets; without a limit the page goes to the end.
func pageOf[T any](all []T, cursor *string, limit *int64) (page []T, next *string, err error) {
	at := 0
	if cursor != nil {
		at, err = strconv.Atoi(*cursor)
		if err != nil || at < 0 || at > len(all) {
			return nil, nil, &thread.Refusal{Kind: thread.KindInvalidInput, Message: "invalid cursor: " + *cursor, Remedy: "pass nextCursor of the page before, or none"}
		}
	}
	end := len(all)
	if limit != nil {
		end = min(end, at+max(int(*limit), 1))
	}
	if end < len(all) {
		s := strconv.Itoa(end)
		next = &s
	}
	return all[at:end], next, nil
}
