package skills

import "os"

const openFlags = os.O_RDONLY
