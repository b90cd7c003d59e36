//go:build unix && !linux

package rollout

import "os"

func syncData(f *os.File) error { return f.Sync() }

func processStart(int) int64 { return 0 }
