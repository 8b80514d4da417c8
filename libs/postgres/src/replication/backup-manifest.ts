import { hash } from 'node:crypto'
import { z } from 'zod'

/** A file of a backup, by its manifest: what was sent MUST be this. */
export type ManifestFile = { readonly path: string; readonly sizeBytes: number; readonly sha256: string }

export type BackupManifest = {
  readonly systemIdentifier: string | undefined
  readonly files: readonly ManifestFile[]
}

const shape = z.object({
  'PostgreSQL-Backup-Manifest-Version': z.union([z.literal(1), z.literal(2)]),
  // Larger than a number of JavaScript holds; read as text, below.
  'System-Identifier': z.string().optional(),
  Files: z.array(
    z.object({
      Path: z.string().optional(),
      'Encoded-Path': z
        .string()
        .regex(/^([0-9a-f]{2})+$/)
        .optional(),
      Size: z.number().int().nonnegative(),
      'Checksum-Algorithm': z.literal('SHA256'),
      Checksum: z.string().regex(/^[0-9a-f]{64}$/),
    }),
  ),
  'Manifest-Checksum': z.string().regex(/^[0-9a-f]{64}$/),
})

/** A copy that is not what its manifest says. */
export class BackupBroken extends Error {
  override readonly name = 'BackupBroken'
}

/** Reads a backup manifest (PostgreSQL 18 manual, chapter 70), whose last line is the SHA-256 of all before it. */
export function readManifest(bytes: Buffer): BackupManifest {
  const text = bytes.toString()
  const at = text.lastIndexOf('"Manifest-Checksum"')
  if (at < 0) throw new BackupBroken('the manifest was cut short')
  const parsed = shape.safeParse(JSON.parse(text.replace(/"System-Identifier":\s*(\d+)/, '"System-Identifier": "$1"')))
  if (!parsed.success) throw new BackupBroken(`the manifest cannot be read: ${z.prettifyError(parsed.error)}`)
  const said = parsed.data
  if (hash('sha256', text.slice(0, at), 'hex') !== said['Manifest-Checksum'])
    throw new BackupBroken('the manifest is not the one that was sent')
  const files = said.Files.map((file) => ({
    path: file.Path ?? Buffer.from(file['Encoded-Path'] ?? '', 'hex').toString('latin1'),
    sizeBytes: file.Size,
    sha256: file.Checksum,
  }))
  return { systemIdentifier: said['System-Identifier'], files }
}

/** Compares what arrived with what was to arrive; throws `BackupBroken` with the first difference. */
export function checkManifest(
  { files }: BackupManifest,
  arrived: ReadonlyMap<string, { readonly sizeBytes: number; readonly sha256: string }>,
): void {
  for (const { path, sizeBytes, sha256 } of files) {
    const got = arrived.get(path)
    if (!got) throw new BackupBroken(`${path} is missing in the backup`)
    if (got.sizeBytes !== sizeBytes || got.sha256 !== sha256) throw new BackupBroken(`${path} was altered on its way`)
  }
}
