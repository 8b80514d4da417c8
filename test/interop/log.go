package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	f_log "github.com/transparency-dev/formats/log"
	f_note "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// files are a log in a directory of C2SP tlog-tiles, of which some may be changed (null: removed).
type files struct {
	dir     string
	changes map[string]*[]byte
}

func (f files) read(path string) ([]byte, error) {
	if changed, ok := f.changes[path]; ok {
		if changed == nil {
			return nil, fmt.Errorf("%s: %w", path, os.ErrNotExist)
		}
		return *changed, nil
	}
	return os.ReadFile(filepath.Join(f.dir, path))
}

// readWidth takes the file of that width, or else the full one (tlog-tiles: a log may delete partial tiles then).
func (f files) readWidth(level string, n int64, width int) ([]byte, error) {
	full := tlog.Tile{H: 8, L: 0, N: n, W: 256}.Path()
	path := "tile/" + level + strings.TrimPrefix(full, "tile/8/0")
	if width == 256 {
		return f.read(path)
	}
	data, err := f.read(fmt.Sprintf("%s.p/%d", path, width))
	if errors.Is(err, os.ErrNotExist) {
		return f.read(path)
	}
	return data, err
}

// Height, ReadTiles and SaveTiles make a tlog.TileReader of it.
func (f files) Height() int { return 8 }

func (f files) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, t := range tiles {
		tile, err := f.readWidth(fmt.Sprint(t.L), t.N, t.W)
		if err != nil {
			return nil, err
		}
		if len(tile)%tlog.HashSize != 0 || len(tile) < t.W*tlog.HashSize {
			return nil, fmt.Errorf("tile %d/%d of width %d has %d bytes", t.L, t.N, t.W, len(tile))
		}
		data[i] = tile[:t.W*tlog.HashSize]
	}
	return data, nil
}

func (f files) SaveTiles([]tlog.Tile, [][]byte) {}

// entries of one bundle, each after its length.
func (f files) entries(n int64, width int) ([][]byte, error) {
	bundle, err := f.readWidth("entries", n, width)
	if err != nil {
		return nil, err
	}
	var entries [][]byte
	for len(bundle) > 0 {
		if len(bundle) < 2 || len(bundle) < 2+int(binary.BigEndian.Uint16(bundle)) {
			return nil, fmt.Errorf("bundle %d ends within entry %d", n, len(entries))
		}
		end := 2 + int(binary.BigEndian.Uint16(bundle))
		entries = append(entries, bundle[2:end])
		bundle = bundle[end:]
	}
	if len(entries) < width {
		return nil, fmt.Errorf("bundle %d has %d entries, not %d", n, len(entries), width)
	}
	return entries[:width], nil
}

// verifyLog opens the checkpoint, compares every entry with a tile that leads to its root, proves some of them, and that the
// tree continues what earlier checkpoints signed.
func verifyLog(q question) (answer, error) {
	f := files{q.Dir, q.Changes}
	text, err := f.read("checkpoint")
	if err != nil {
		return answer{}, err
	}
	tree, a, err := openCheckpoint(text, q)
	if err != nil {
		return answer{}, err
	}
	a.Size = uint64(tree.N)
	hashes := tlog.TileHashReader(tree, f)
	for n := int64(0); n*256 < tree.N; n++ {
		width := int(min(256, tree.N-n*256))
		entries, err := f.entries(n, width)
		if err != nil {
			return a, err
		}
		indexes := make([]int64, width)
		for i := range indexes {
			indexes[i] = tlog.StoredHashIndex(0, n*256+int64(i))
		}
		leaves, err := hashes.ReadHashes(indexes)
		if err != nil {
			return a, err
		}
		for i, entry := range entries {
			if leaves[i] != tlog.RecordHash(entry) {
				return a, fmt.Errorf("entry %d is not in the tree", n*256+int64(i))
			}
			a.Entries++
		}
		if err := proveOne(tree, n*256+int64(width/2), entries[width/2], hashes); err != nil {
			return a, err
		}
		a.Proofs++
	}
	return a, continues(q, tree, hashes, &a)
}

func proveOne(tree tlog.Tree, index int64, entry []byte, hashes tlog.HashReader) error {
	proof, err := tlog.ProveRecord(tree.N, index, hashes)
	if err != nil {
		return err
	}
	return tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(entry))
}

func continues(q question, tree tlog.Tree, hashes tlog.HashReader, a *answer) error {
	for _, previous := range q.Previous {
		older, _, err := openCheckpoint([]byte(previous), q)
		if err != nil {
			return err
		}
		if older.N > tree.N {
			return fmt.Errorf("the log had %d entries and now claims %d", older.N, tree.N)
		}
		proof, err := tlog.ProveTree(tree.N, older.N, hashes)
		if err != nil {
			return err
		}
		if err := tlog.CheckTree(proof, tree.N, tree.Hash, older.N, older.Hash); err != nil {
			return err
		}
		a.Proofs++
	}
	return nil
}

// openCheckpoint wants the signatures of the log and of every witness.
func openCheckpoint(text []byte, q question) (tlog.Tree, answer, error) {
	var tree tlog.Tree
	logKey, err := note.NewVerifier(q.LogKey)
	if err != nil {
		return tree, answer{}, err
	}
	witnesses := make([]note.Verifier, len(q.Witnesses))
	for i, vkey := range q.Witnesses {
		if witnesses[i], err = f_note.NewVerifierForCosignatureV1(vkey); err != nil {
			return tree, answer{}, err
		}
	}
	checkpoint, _, opened, err := f_log.ParseCheckpoint(text, q.Origin, logKey, witnesses...)
	if err != nil {
		return tree, answer{}, err
	}
	var a answer
	for _, signature := range opened.Sigs {
		a.Signers = append(a.Signers, signature.Name)
	}
	if len(a.Signers) < 1+len(witnesses) {
		return tree, a, fmt.Errorf("only %v have signed", a.Signers)
	}
	if len(checkpoint.Hash) != tlog.HashSize {
		return tree, a, fmt.Errorf("a root of %d bytes", len(checkpoint.Hash))
	}
	return tlog.Tree{N: int64(checkpoint.Size), Hash: tlog.Hash(checkpoint.Hash)}, a, nil
}
