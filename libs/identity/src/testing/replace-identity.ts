import { workerData } from 'node:worker_threads'
import { writeTlsFiles, type TlsContent } from '../write-tls-files.ts'

/** Runs as a thread of its own, so that its writes fall between another's reads. */
const { dir, versions, rounds } = workerData as { dir: string; versions: TlsContent[]; rounds: number }
for (let round = 0; round < rounds; round++) {
  const version = versions[round % versions.length]
  if (version) writeTlsFiles(dir, version)
}
