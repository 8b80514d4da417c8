import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { certificatesToPem, derToPem, pemToDer } from './pem.ts'
import {
  CURRENT,
  isLinkedThroughCurrent,
  placedIn,
  readTogether,
  TLS_FILES,
  versionIn,
  type TlsFile,
} from './tls-file-versions.ts'
import { readTlsFiles, type TlsMaterial } from './tls-files.ts'

/** What to write: PEM texts, as `TlsMaterial` has them, so one part of a read identity can be replaced by spreading it. */
export type TlsContent = Pick<TlsMaterial, 'cert' | 'key' | 'ca'> & { readonly crl?: readonly string[] | undefined }

const VERSION = '.version-'

/**
 * Replaces an identity in one step.
 *
 * Four files cannot be renamed at once, and a certificate beside the wrong key is an outage. So each version is a
 * directory of its own, and `cert.pem` … are links through `.current`, which one rename moves (as kubelet does for
 * mounted secrets). A crash at any point leaves the old identity or the new, and whoever reads, reads one version.
 */
export function writeTlsFiles(dir: string, content: TlsContent): TlsMaterial {
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  adoptPlacedFiles(dir)
  const before = basename(versionIn(dir))
  const version = writeVersion(dir, textsOf(content))
  moveLink(dir, CURRENT, version)
  for (const file of Object.values(TLS_FILES)) link(dir, file)
  syncDir(dir)
  forgetOthers(dir, [version, before])
  return readTlsFiles(dir)
}

/** From a certificate's signer, in DER, to the texts that are kept. */
export function tlsContentOf(parts: {
  readonly chain: readonly Uint8Array[]
  readonly privateKeyPkcs8Der: Uint8Array
  readonly roots: readonly Uint8Array[]
  readonly crls?: readonly Uint8Array[]
}): TlsContent {
  return {
    cert: certificatesToPem(parts.chain),
    key: derToPem(parts.privateKeyPkcs8Der, 'PRIVATE KEY'),
    ca: certificatesToPem(parts.roots),
    crl: parts.crls?.map((der) => derToPem(der, 'X509 CRL')),
  }
}

function textsOf({ cert, key, ca, crl = [] }: TlsContent): ReadonlyMap<TlsFile, string> {
  const texts = new Map<TlsFile, string>()
  texts.set(TLS_FILES.cert, cert).set(TLS_FILES.key, key).set(TLS_FILES.ca, ca)
  const lists = crl.filter((text) => pemToDer(text, 'X509 CRL').length > 0)
  return lists.length > 0 ? texts.set(TLS_FILES.crl, lists.join('')) : texts
}

/** Files placed by hand become a version of their own first: every step of it leaves what readers see as it was. */
function adoptPlacedFiles(dir: string): void {
  const placed = placedIn(dir)
  if (placed.every((file) => isLinkedThroughCurrent(dir, file))) return
  moveLink(dir, CURRENT, writeVersion(dir, readTogether(dir).texts))
  for (const file of placed) link(dir, file)
}

function writeVersion(dir: string, texts: ReadonlyMap<TlsFile, string>): string {
  const version = mkdtempSync(join(dir, VERSION)) // mode 0700
  for (const [file, text] of texts) writeDurably(join(version, file), text)
  syncDir(version)
  return basename(version)
}

function writeDurably(path: string, text: string): void {
  const file = openSync(path, 'wx', 0o600)
  try {
    writeFileSync(file, text)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

function link(dir: string, file: TlsFile): void {
  const wanted = existsSync(join(dir, CURRENT, file))
  if (!wanted) rmSync(join(dir, file), { force: true })
  else if (!isLinkedThroughCurrent(dir, file)) moveLink(dir, file, join(CURRENT, file))
}

/** A link is replaced by renaming another over it: at no moment is there none. */
function moveLink(dir: string, name: string, target: string): void {
  const next = join(dir, `.next-${name}`)
  rmSync(next, { force: true })
  symlinkSync(target, next)
  renameSync(next, join(dir, name))
}

/** The version just left stays until the next write: somebody may be in the middle of reading it. */
function forgetOthers(dir: string, kept: readonly string[]): void {
  for (const entry of readdirSync(dir)) {
    if (entry.startsWith(VERSION) && !kept.includes(entry)) rmSync(join(dir, entry), { recursive: true, force: true })
  }
}

function syncDir(dir: string): void {
  const handle = openSync(dir, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}
