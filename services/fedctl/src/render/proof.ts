import type { Canvas } from '../output.ts'
import { counted } from '../progress.ts'
import type { Proof } from '../proof-with-leaf.ts'
import { harmless } from './paint.ts'

/** What a proof file says, and how anybody checks it. */
export function proofText({ index, checkpoint, signatures }: Proof, file: string, { to, paste }: Canvas): string {
  const { origin, size } = checkpoint
  return [
    `${to.good('proven')}  entry ${index} of ${harmless(origin)}, in a tree of ${counted(size)}; written to ${file}`,
    `signed by ${signatures.map(harmless).join(', ')}`,
    `next  ${paste('fedctl audit keys --vkeys')} > keys.vkeys`,
    `      fedctl audit verify ${file} --key keys.vkeys`,
  ].join('\n')
}
