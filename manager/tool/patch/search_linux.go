package patch

import "golang.org/x/sys/unix"

// searchFlags open a folder to walk through it, which takes no right to list it.
const searchFlags = unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC
