import { quorumText, satisfies, type Policy, type Verifier } from '@powernode/tlog'

/** Whose cosignature stands under the checkpoint of one size. */
export type Cosigned = { readonly size: number; readonly name: string; readonly keyId: Uint8Array }

/** Whether these cosignatures under one checkpoint are as many as the policy asks for. */
export function isEnough({ witnesses, quorum }: Policy, cosigned: readonly Omit<Cosigned, 'size'>[]): boolean {
  const stands = ({ name, keyId }: Verifier) => cosigned.some((one) => one.name === name && keyId.equals(one.keyId))
  return satisfies(
    { logs: [], witnesses, quorum },
    witnesses.filter(({ verifier }) => stands(verifier)),
  )
}

/** The newest size whose checkpoint has them, among those that were cosigned and the one that we signed last; 0: none. */
export function quorumSize(policy: Policy, signed: number, cosigned: readonly Cosigned[]): number {
  if (isEnough(policy, [])) return signed
  const bySize = Map.groupBy(cosigned, ({ size }) => size)
  return Math.max(0, ...[...bySize].flatMap(([size, under]) => (isEnough(policy, under) ? [size] : [])))
}

/** Who has to cosign, in words. */
export const quorumWords = (policy: Policy | undefined): string => (policy ? quorumText(policy.quorum) : '')
