package supervise

import "golang.org/x/sys/unix"

const (
	auditArch        = unix.AUDIT_ARCH_X86_64
	otherNumbers     = 0x40000000 // the x32 calls
	sysOpenTreeAttr  = 467
	sysKexecFileLoad = unix.SYS_KEXEC_FILE_LOAD
	sysSetxattrat    = 463
	sysRemovexattrat = 466
	sysFileSetattr   = 469
)

// oldCalls are refused calls that newer machines do not have.
var oldCalls = [...]uint32{
	unix.SYS_IOPERM, unix.SYS_IOPL, unix.SYS_USELIB, unix.SYS_CREATE_MODULE, unix.SYS_NFSSERVCTL, unix.SYS__SYSCTL,
}

var modeCalls = [...]modeCall{
	{unix.SYS_CHMOD, 1}, {unix.SYS_FCHMOD, 1}, {unix.SYS_FCHMODAT, 2}, {unix.SYS_FCHMODAT2, 2},
	{unix.SYS_CREAT, 1}, {unix.SYS_MKNOD, 1}, {unix.SYS_MKNODAT, 2},
}

var createCalls = [...]createCall{{unix.SYS_OPEN, 1}, {unix.SYS_OPENAT, 2}}

var oldMetadataCalls = [...]uint32{
	unix.SYS_CHMOD, unix.SYS_CHOWN, unix.SYS_LCHOWN, unix.SYS_UTIME, unix.SYS_UTIMES, unix.SYS_FUTIMESAT,
}
