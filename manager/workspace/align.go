package workspace

import "slices"

// An aligner finds the best way to lay a pattern's characters on a text, keeping
// their order, and what it is worth: for each character, for those that begin
// words, for runs; less what gaps cost. It keeps its memory between calls; one
// goroutine uses it at a time.
//
// The best way is found row by row, one for each character of the pattern: what
// the best match of the pattern up to it is worth if it ends in each place of
// the text.
type aligner struct {
	row, above []cell
	steps      []step // by row and place, kept only to trace the way back
}

// A cell is the best match that ends in one place.
type cell struct {
	points int32 // none: there is no match
	run    int32 // the bonus that the characters of the run share
}

const none = -1 << 20

// A step says how the best match came to a place.
type step uint8

const (
	fromBefore step = 1 << iota // the character before it matched too
	gapOpens                    // a gap that ends before this place opened just there
)

// align gives the points of the best way to lay pattern on text, which must hold
// it in order. bonuses are the text's, place by place.
func align[C byte | rune](a *aligner, text, pattern []C, bonuses []int32, trace bool) (points int32, last int) {
	n := len(text)
	bonuses = bonuses[:n]
	a.row, a.above = grow(a.row, n), grow(a.above, n)
	if trace {
		a.steps = grow(a.steps, n*len(pattern))
		clear(a.steps)
	}
	first := slices.Index(text, pattern[0])
	points = none
	for j := first; j < n; j++ {
		a.above[j].points = none
		if text[j] == pattern[0] {
			a.above[j] = cell{worthChar + 2*bonuses[j], bonuses[j]}
			if points < a.above[j].points {
				points, last = a.above[j].points, j
			}
		}
	}
	for i := 1; i < len(pattern); i++ {
		var steps []step
		if trace {
			steps = a.steps[i*n : i*n+n]
		}
		first, points, last = alignRow(a, text, pattern[i], bonuses, first, steps)
		a.row, a.above = a.above, a.row
	}
	return points, last
}

// alignRow finds the best matches that end in one more character of the pattern.
// The row above begins at first.
func alignRow[C byte | rune](a *aligner, text []C, p C, bonuses []int32, first int, steps []step) (begins int, points int32, last int) {
	above, row := a.above[:len(text)], a.row[:len(text)]
	begins, points = -1, none
	gap := int32(0) // the best match that ended before the place before this one, less the gap
	for j := first + 1; j < len(text); j++ {
		if j >= first+2 {
			opened := max(above[j-2].points-costGap, 0)
			gap = max(gap-costGapMore, 0)
			if opened > gap {
				gap = opened
				if steps != nil {
					steps[j] |= gapOpens
				}
			}
		}
		row[j].points = none
		if text[j] != p {
			continue
		}
		if begins < 0 {
			begins = j
		}
		b := bonuses[j]
		best := cell{gap + b + worthChar, b}
		if before := above[j-1]; before.points > 0 {
			run := max(before.run, worthRun)
			if b >= worthBoundary && b > run {
				run = b
			}
			if on := before.points + max(run, b); on > gap+b {
				best = cell{on + worthChar, run}
				if steps != nil {
					steps[j] |= fromBefore
				}
			}
		}
		row[j] = best
		if best.points >= points { // of equals the last, which lies nearer to the name
			points, last = best.points, j
		}
	}
	return begins, points, last
}

// trace appends the places of the match that align found last with trace set, in order.
func (a *aligner) trace(places []int64, n, rows, last int) []int64 {
	at := len(places)
	places = slices.Grow(places, rows)[:at+rows]
	for i, j := rows-1, last; i >= 0; i-- {
		places[at+i] = int64(j)
		steps := a.steps[i*n : i*n+n]
		switch {
		case i == 0:
		case steps[j]&fromBefore != 0:
			j--
		default:
			for steps[j]&gapOpens == 0 && j > 2 {
				j--
			}
			j -= 2
		}
	}
	return places
}

// runPoints is what a pattern of n characters is worth that stands at a place as it is.
func runPoints(bonuses []int32, at, n int) int32 {
	run := bonuses[at]
	points := worthChar + 2*run
	for _, b := range bonuses[at+1 : at+n] {
		run = max(run, worthRun)
		if b >= worthBoundary && b > run {
			run = b
		}
		points += worthChar + max(run, b)
	}
	return points
}

// grow makes a slice n long, without keeping what it holds.
func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n+n/2+16)[:n]
	}
	return s[:n]
}
