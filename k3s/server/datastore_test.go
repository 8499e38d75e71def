package server

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/k3s-io/kine/pkg/logstructured"
	kine "github.com/k3s-io/kine/pkg/server"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// runDatastore starts a datastore with the least limit there is.
func runDatastore(t *testing.T) (*datastore, *clientv3.Client) {
	t.Helper()
	o := &Options{DataDir: t.TempDir(), DatastoreLimit: minDatastoreLimit}
	if err := os.MkdirAll(o.path("db"), 0o700); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	store, err := startDatastore(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(); store.wait() })
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{store.etcdURL}, DialTimeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return store, client
}

// The transactions that the API server sends.

func create(client *clientv3.Client, key string, value []byte) (bool, error) {
	answer, err := client.Txn(context.Background()).
		If(clientv3.Compare(clientv3.ModRevision(key), "=", 0)).Then(clientv3.OpPut(key, string(value))).Commit()
	return err == nil && answer.Succeeded, err
}

func update(client *clientv3.Client, key string, value []byte, revision int64) (int64, error) {
	answer, err := client.Txn(context.Background()).
		If(clientv3.Compare(clientv3.ModRevision(key), "=", revision)).
		Then(clientv3.OpPut(key, string(value))).Else(clientv3.OpGet(key)).Commit()
	if err != nil {
		return 0, err
	}
	if !answer.Succeeded {
		return 0, fmt.Errorf("conflict at revision %d", revision)
	}
	return answer.Header.Revision, nil
}

func remove(client *clientv3.Client, key string, revision int64) error {
	answer, err := client.Txn(context.Background()).
		If(clientv3.Compare(clientv3.ModRevision(key), "=", revision)).
		Then(clientv3.OpDelete(key)).Else(clientv3.OpGet(key)).Commit()
	if err == nil && !answer.Succeeded {
		err = fmt.Errorf("conflict at revision %d", revision)
	}
	return err
}

func noise(size int) []byte {
	value := make([]byte, size)
	rand.Read(value)
	return value
}

// fillUp creates keys until the datastore refuses one, and returns those that it acknowledged.
func fillUp(t *testing.T, client *clientv3.Client, value []byte) (acknowledged []string, refusal error) {
	t.Helper()
	for i := 0; i < 2000; i++ {
		key := fmt.Sprintf("/registry/test/%06d", i)
		created, err := create(client, key, value)
		if err != nil {
			return acknowledged, err
		}
		if created {
			acknowledged = append(acknowledged, key)
		}
	}
	t.Fatal("the datastore takes more than its limit")
	return nil, nil
}

func TestWhatAFullDatastoreAcknowledgedIsThere(t *testing.T) {
	_, client := runDatastore(t)
	value := noise(64 << 10)
	keys, refusal := fillUp(t, client, value)
	for i := 0; i < 20; i++ { // none of these is acknowledged either
		if created, err := create(client, fmt.Sprintf("/registry/test/late-%d", i), value); created || err == nil {
			t.Fatalf("write %d into a full datastore: created %v, error %v", i, created, err)
		}
	}
	for _, key := range keys {
		answer, err := client.Get(context.Background(), key)
		if err != nil || len(answer.Kvs) != 1 || !bytes.Equal(answer.Kvs[0].Value, value) {
			t.Fatalf("%s was acknowledged and is lost (%v)", key, err)
		}
	}
	t.Logf("%d keys of 64 KiB were taken, then: %v", len(keys), refusal)
}

func TestInAFullDatastoreDeletesWorkAndMakeRoom(t *testing.T) {
	store, client := runDatastore(t)
	value := noise(64 << 10)
	keys, _ := fillUp(t, client, value)
	for _, key := range keys[:len(keys)-1] {
		answer, err := client.Get(context.Background(), key)
		if err != nil {
			t.Fatal(err)
		}
		if err = remove(client, key, answer.Kvs[0].ModRevision); err != nil {
			t.Fatalf("cannot delete from a full datastore: %v", err)
		}
	}
	for tries := 0; ; tries++ {
		if created, _ := create(client, "/registry/test/after", value); created {
			break
		}
		if tries == 100 {
			t.Fatalf("after everything was deleted %d of %d bytes are still in use", store.fill.bytes(), store.fill.limit)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func TestUpdatesOfOneLargeObjectDoNotStay(t *testing.T) {
	store, client := runDatastore(t)
	key := "/registry/test/large"
	if _, err := create(client, key, noise(64<<10)); err != nil {
		t.Fatal(err)
	}
	answer, err := client.Get(context.Background(), key)
	if err != nil {
		t.Fatal(err)
	}
	revision := answer.Kvs[0].ModRevision
	for i := 0; i < 600; i++ { // 75 MiB with their former values, in a datastore of 16
		next, err := update(client, key, noise(64<<10), revision)
		if err != nil { // full until the next compaction
			time.Sleep(50 * time.Millisecond)
			continue
		}
		revision = next
	}
	if answer, err = client.Get(context.Background(), key); err != nil || answer.Kvs[0].ModRevision != revision {
		t.Fatalf("the object is not at the revision that was acknowledged last: %v", err)
	}
	for tries := 0; store.fill.share() > 0.4; tries++ {
		if tries == 50 {
			t.Fatalf("%d bytes of history stay", store.fill.bytes())
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Logf("%d of %d bytes in use", store.fill.bytes(), store.fill.limit)
}

func TestWhatWasDeletedDoesNotStayWhileThereIsRoom(t *testing.T) {
	store, client := runDatastore(t)
	for i := range 12 {
		if ok, err := create(client, fmt.Sprintf("/k/%d", i), noise(256<<10)); !ok {
			t.Fatal(err)
		}
	}
	time.Sleep(2 * measureInterval)
	before := store.fill.bytes()
	for i := range 12 {
		key := fmt.Sprintf("/k/%d", i)
		found, err := client.Get(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		if err := remove(client, key, found.Kvs[0].ModRevision); err != nil {
			t.Fatal(err)
		}
	}
	for deadline := time.Now().Add(15 * time.Second); store.fill.bytes() > minDatastoreLimit/16; time.Sleep(measureInterval / 10) {
		if time.Now().After(deadline) {
			t.Fatalf("%d bytes are in use, %d were before the deletes", store.fill.bytes(), before)
		}
	}
}

func TestLimitThatTheFileSystemDoesNotHaveIsRefused(t *testing.T) {
	o := &Options{DataDir: t.TempDir(), DatastoreLimit: 1 << 60}
	if err := os.MkdirAll(o.path("db"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := startDatastore(t.Context(), o); err == nil {
		t.Error("the datastore starts")
	}
}

func TestHistoryThatTheAPIServerCompactsIsGone(t *testing.T) {
	_, client := runDatastore(t)
	const key = "/registry/test/old"
	if _, err := create(client, key, []byte("first")); err != nil {
		t.Fatal(err)
	}
	answer, err := client.Get(context.Background(), key)
	if err != nil {
		t.Fatal(err)
	}
	first := answer.Kvs[0].ModRevision
	second, err := update(client, key, []byte("second"), first)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Compact(context.Background(), second); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Get(context.Background(), key, clientv3.WithRev(first)); err == nil {
		t.Error("the first revision is still there")
	}
	if answer, err := client.Get(context.Background(), key); err != nil || string(answer.Kvs[0].Value) != "second" {
		t.Errorf("the second revision is lost: %v", err)
	}
}

// refusingLog is a log in which deletes fail while it says so.
type refusingLog struct {
	logstructured.Log
	refuses atomic.Bool
	refused atomic.Int64
}

func (l *refusingLog) Append(ctx context.Context, event *kine.Event) (int64, error) {
	if event.Delete && l.refuses.Load() {
		l.refused.Add(1)
		return 0, errors.New("disk full")
	}
	return l.Log.Append(ctx, event)
}

func TestExpiredKeyGoesAlsoWhenItCouldNotBeDeletedAtOnce(t *testing.T) {
	store, client := runDatastore(t)
	log := &refusingLog{Log: store.log.Log}
	log.refuses.Store(true)
	store.log.Log = log
	const key = "/registry/test/expiring"
	lease, err := client.Grant(context.Background(), 1)
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Txn(context.Background()).If(clientv3.Compare(clientv3.ModRevision(key), "=", 0)).
		Then(clientv3.OpPut(key, "x", clientv3.WithLease(lease.ID))).Commit()
	if err != nil {
		t.Fatal(err)
	}
	count := func() int {
		answer, err := client.Get(context.Background(), key)
		if err != nil {
			t.Fatal(err)
		}
		return len(answer.Kvs)
	}
	for tries := 0; log.refused.Load() == 0; tries++ {
		if tries == 100 {
			t.Fatal("nobody has tried to delete the key")
		}
		time.Sleep(100 * time.Millisecond)
	}
	if count() != 1 {
		t.Fatal("the key is gone though its deletion failed")
	}
	log.refuses.Store(false)
	for tries := 0; count() != 0; tries++ {
		if tries == 100 {
			t.Fatal("the key has expired and is still there")
		}
		time.Sleep(100 * time.Millisecond)
	}
}
