package config

import "os"

// inode: a replaced file has another change time here, and asking for its index would mean opening it.
func inode(os.FileInfo) uint64 { return 0 }
