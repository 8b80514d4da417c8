export * from './checkpoint.ts'
export * from './merkle.ts'
export * from './note.ts'
export * from './proofs.ts'
export * from './tile.ts'
export * from './tiles.ts'
export { NoteFlaw, type FlawKind } from './note-flaw.ts'
export {
  cosigner,
  isKeyName,
  logSigner,
  parseVkey,
  verifierOf,
  type SignatureType,
  type Signer,
  type Verifier,
} from './vkey.ts'
export { parsePolicy, quorumText, satisfies, verifiersOf, type Party, type Policy, type Quorum } from './policy.ts'
export {
  checkProof,
  formatProof,
  openCheckpoint,
  parseProof,
  type Proof,
  type Proven,
  type Trust,
} from './proof-file.ts'
export { formatAddCheckpoint, parseAddCheckpoint, type AddCheckpoint } from './witness-body.ts'
