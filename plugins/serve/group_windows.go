package serve

// endGroup leaves it to the job object that the host has put us into: it ends
// with the host.
func endGroup() {}
