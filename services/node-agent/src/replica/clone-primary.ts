import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { certificatesToPem } from '@powernode/identity'
import { baseBackup, showSetting, withReplication, type Backup, type ReplicationAccess } from '@powernode/postgres'
import type { ClusterMembership } from '@powernode/proto/powernode/federation/v1/enrollment_pb.ts'
import { dataOf, own, pathIn, syncFolder, tlsOf, writeOwned, type ReplicaHome } from './replica-home.ts'
import { alterSystemFile, SIZES, type Sizes } from './replica-settings.ts'

/** How we log in at the primary, with the certificate that it gave us. */
export function accessTo(home: ReplicaHome, to: ClusterMembership): ReplicationAccess {
  const text = (file: string) => readFileSync(join(tlsOf(home), file), 'utf8')
  return {
    host: to.primaryHost,
    port: to.primaryPort,
    serverName: to.primaryServerName,
    user: to.roleName,
    password: to.password,
    tls: { ca: certificatesToPem(to.primaryRoots), cert: text('cert.pem'), key: text('key.pem') },
    applicationName: to.roleName,
  }
}

/**
 * Copies the primary into the replica's data directory, to be followed from there; throws when it is not whole.
 *
 * What lay there is lost the moment the new copy is whole, and not before. Returns what the copy is of; the sizes that a
 * standby must have are kept beside it, because it cannot ask for them when the primary is away.
 */
export async function clonePrimary(
  home: ReplicaHome,
  { from, onProgress }: { readonly from: ClusterMembership; readonly onProgress?: (bytes: number) => void },
  signal: AbortSignal,
): Promise<Backup> {
  const access = accessTo(home, from)
  const unfinished = `${dataOf(home)}.unfinished`
  rmSync(unfinished, { recursive: true, force: true })
  mkdirSync(unfinished, { mode: 0o700 })
  own(home, unfinished)
  const sizes = await withReplication(access, readSizes, signal)
  const backup = await baseBackup(
    access,
    {
      dir: unfinished,
      own: (path) => own(home, path),
      label: `powernode ${from.roleName}`,
      systemIdentifier: from.systemIdentifier || undefined,
      ...(onProgress && { onProgress }),
    },
    signal,
  )
  for (const [file, text] of [
    ['standby.signal', ''],
    ['postgresql.auto.conf', '# settings are in replica.conf\n'],
  ] as const) {
    writeFileSync(join(unfinished, file), text, { mode: 0o600 })
    own(home, join(unfinished, file))
  }
  writeOwned(home, pathIn(home, 'sizes.json'), JSON.stringify(sizes))
  const data = dataOf(home)
  if (existsSync(data)) renameSync(data, `${data}.former`)
  renameSync(unfinished, data)
  syncFolder(home.dir)
  rmSync(`${data}.former`, { recursive: true, force: true })
  return backup
}

async function readSizes(client: Parameters<typeof showSetting>[0]): Promise<Sizes> {
  const sizes: [string, string][] = []
  for (const name of SIZES) sizes.push([name, await showSetting(client, name)])
  return Object.fromEntries(sizes) as Sizes // an entry for each, by the loop
}

export function sizesOf(home: ReplicaHome): Sizes {
  return JSON.parse(readFileSync(pathIn(home, 'sizes.json'), 'utf8')) as Sizes // as clonePrimary wrote it
}

/** Half of a former attempt, and settings of the primary that a person may have changed in the copy, do not count. */
export function tidyClone(home: ReplicaHome): void {
  for (const left of ['.unfinished', '.former']) rmSync(`${dataOf(home)}${left}`, { recursive: true, force: true })
  writeOwned(home, alterSystemFile(home), '# settings are in replica.conf\n')
}
