package supervise

import "golang.org/x/sys/unix"

const (
	auditArch        = unix.AUDIT_ARCH_AARCH64
	otherNumbers     = 0
	sysOpenTreeAttr  = 467
	sysKexecFileLoad = unix.SYS_KEXEC_FILE_LOAD
	sysSetxattrat    = 463
	sysRemovexattrat = 466
	sysFileSetattr   = 469
)

// oldCalls are refused calls that newer machines do not have.
var oldCalls [0]uint32

var modeCalls = [...]modeCall{
	{unix.SYS_FCHMOD, 1}, {unix.SYS_FCHMODAT, 2}, {unix.SYS_FCHMODAT2, 2}, {unix.SYS_MKNODAT, 2},
}

var createCalls = [...]createCall{{unix.SYS_OPENAT, 2}}

var oldMetadataCalls [0]uint32
