package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"

	f_note "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
)

// openNote opens a note with the log key and the witnesses of the question, and says whose signatures held, and when.
func openNote(q question) (answer, error) {
	var verifiers []note.Verifier
	if q.LogKey != "" {
		verifier, err := note.NewVerifier(q.LogKey)
		if err != nil {
			return answer{}, err
		}
		verifiers = append(verifiers, verifier)
	}
	for _, vkey := range q.Witnesses {
		verifier, err := f_note.NewVerifierForCosignatureV1(vkey)
		if err != nil {
			return answer{}, err
		}
		verifiers = append(verifiers, verifier)
	}
	opened, err := note.Open([]byte(q.Note), note.VerifierList(verifiers...))
	if err != nil {
		return answer{}, err
	}
	var a answer
	for _, signature := range opened.Sigs {
		a.Signers = append(a.Signers, signature.Name)
		if at, err := f_note.CoSigV1Timestamp(signature); err == nil {
			a.Times = append(a.Times, at.UnixMilli())
		}
	}
	return a, nil
}

// signNote signs a text as a log and as a witness of that name, with keys made from the name.
func signNote(q question) (answer, error) {
	seed := sha256.Sum256([]byte(q.Named))
	skey, vkey, err := note.GenerateKey(bytes.NewReader(seed[:]), q.Named)
	if err != nil {
		return answer{}, err
	}
	log, err := note.NewSigner(skey)
	if err != nil {
		return answer{}, err
	}
	witness, err := f_note.NewSignerForCosignatureV1(skey)
	if err != nil {
		return answer{}, err
	}
	cosigning, err := f_note.VKeyToCosignatureV1(vkey)
	if err != nil {
		return answer{}, err
	}
	signed, err := note.Sign(&note.Note{Text: q.Text}, log, witness)
	if err != nil {
		return answer{}, fmt.Errorf("signing: %w", err)
	}
	return answer{Note: string(signed), Keys: []string{vkey, cosigning}}, nil
}
