export * from './checkpoint.ts'
export * from './merkle.ts'
export * from './note.ts'
export * from './proofs.ts'
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
