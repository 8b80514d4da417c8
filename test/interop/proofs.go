package main

import (
	"errors"
	"fmt"

	f_proof "github.com/transparency-dev/formats/proof"
	f_witness "github.com/transparency-dev/formats/witness"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/merkle/testonly"
	"golang.org/x/mod/sumdb/tlog"
)

// vectors are what implementations of RFC 6962 compare themselves with.
type vectors struct {
	Entries [][]byte   `json:"entries"`
	Nodes   [][][]byte `json:"nodes"`
	Roots   [][]byte   `json:"roots"`
}

func published(question) (answer, error) {
	v := vectors{testonly.LeafInputs(), testonly.NodeHashes(), testonly.RootHashes()}
	return answer{Vectors: &v}, nil
}

func checkInclusion(q question) (answer, error) {
	return answer{}, proof.VerifyInclusion(rfc6962.DefaultHasher, q.Index, q.Size, q.LeafHash, q.Proof, q.Root)
}

// checkConsistency refuses what either of the two libraries refuses.
func checkConsistency(q question) (answer, error) {
	if q.OldSize == 0 {
		return answer{}, errors.New("nothing can be proven from size 0")
	}
	return answer{}, proof.VerifyConsistency(rfc6962.DefaultHasher, q.OldSize, q.Size, q.Proof, q.OldRoot, q.Root)
}

// checkProofFile reads an offline proof (C2SP tlog-proof) and verifies it for the leaf.
func checkProofFile(q question) (answer, error) {
	var file f_proof.TLogProof
	if err := file.Unmarshal([]byte(q.Text)); err != nil {
		return answer{}, err
	}
	tree, a, err := openCheckpoint(file.Checkpoint, q)
	if err != nil {
		return a, err
	}
	hashes := make(tlog.RecordProof, len(file.Hashes))
	for i, hash := range file.Hashes {
		hashes[i] = tlog.Hash(hash)
	}
	if string(file.Marshal()) != q.Text {
		return a, errors.New("the proof has a second spelling")
	}
	return a, tlog.CheckRecord(hashes, tree.N, tree.Hash, int64(file.Index), tlog.RecordHash(q.Leaf))
}

// checkPolicy asks whether a note satisfies the quorum of a policy file (C2SP tlog-policy).
func checkPolicy(q question) (answer, error) {
	policy, err := f_witness.ParsePolicy([]byte(q.Text))
	if err != nil {
		return answer{}, err
	}
	if !policy.Satisfied([]byte(q.Note)) {
		return answer{}, fmt.Errorf("too few have signed")
	}
	return answer{}, nil
}
