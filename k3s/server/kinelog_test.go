package server

import (
	"bytes"
	"strings"
	"testing"

	"k8s.io/klog/v2"
)

func TestLogOfARefusedWriteDoesNotShowTheObject(t *testing.T) {
	_, client := runDatastore(t)
	var log bytes.Buffer
	flush := klog.CaptureState()
	defer flush.Restore()
	klog.LogToStderr(false)
	klog.SetOutput(&log)
	fillUp(t, client, []byte(strings.Repeat("the-secret", 10_000)))
	klog.Flush()
	if !strings.Contains(log.String(), "Cannot write to the datastore") {
		t.Errorf("the refusal is not in the log: %.500s", log.String())
	}
	if strings.Contains(log.String(), "the-secret") {
		t.Error("the object is in the log")
	}
}
