package server

import (
	"regexp"

	"github.com/sirupsen/logrus"
	"k8s.io/klog/v2"
)

// failedWrite begins what kine logs of a write that failed: the whole transaction, with the object in it.
var failedWrite = regexp.MustCompile(`^error in (put|txn) `)

// discreet writes kine's log lines to ours, without what is in objects: the log leaves the machine, Secrets must not.
type discreet struct{}

func logDiscreetly() { logrus.SetFormatter(discreet{}) }

// Format implements logrus.Formatter. What is returned goes to standard error, where klog's lines go, too.
func (discreet) Format(entry *logrus.Entry) ([]byte, error) {
	message := entry.Message
	if failedWrite.MatchString(message) {
		return nil, nil // honestBackend has logged why
	}
	switch {
	case entry.Level <= logrus.ErrorLevel:
		klog.ErrorS(nil, message)
	case entry.Level == logrus.WarnLevel:
		klog.InfoS(message, "level", "warning")
	default:
		klog.V(1).InfoS(message)
	}
	return nil, nil
}
