import { statfs } from 'node:fs/promises'
import { create } from '@bufbuild/protobuf'
import { DiskVitalsSchema, type DiskVitals } from '@powernode/proto/powernode/vitals/v1/service_pb.ts'
import { inTime, type Patience } from './in-time.ts'

/** A place where something of ours is written, for example `what`: "its identity". */
export type Disk = { readonly path: string; readonly what: string }

/** How full the disks are. A place that cannot be looked at is left out: there is nothing to say of it. */
export async function diskVitals(disks: readonly Disk[], patience: Patience): Promise<DiskVitals[]> {
  const looked = await Promise.all(disks.map((disk) => diskVital(disk, patience)))
  return looked.filter((disk) => disk !== undefined)
}

async function diskVital({ path, what }: Disk, patience: Patience): Promise<DiskVitals | undefined> {
  try {
    const { bavail, blocks, bsize } = await inTime(statfs(path, { bigint: true }), patience)
    return create(DiskVitalsSchema, { path, what, freeBytes: bavail * bsize, totalBytes: blocks * bsize })
  } catch {
    return undefined
  }
}
