package sandbox

func getOut(string) int { return 2 }
