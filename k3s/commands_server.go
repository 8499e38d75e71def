//go:build serveronly

package main

var commands = map[string]command{
	"server": runServer,
}
