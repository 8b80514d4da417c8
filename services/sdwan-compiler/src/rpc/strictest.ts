import type { Directory } from '@powernode/approvals'

const RANK: Readonly<Record<string, number>> = {
  auto_approve: 0,
  notify_and_proceed: 1,
  require_approval: 2,
  blocked: 3,
}

/** Of all actions that a change falls under the one whose policy demands most. One without a policy is refused by the gate. */
export function strictestOf(policies: Directory, actions: readonly string[]): string {
  const demands = (action: string): number => {
    const policy = policies.policyOf(action)
    if (!policy) return Number.MAX_SAFE_INTEGER
    return (RANK[policy.verb] ?? 3) * 1_000 + policy.approvers
  }
  const [first = '', ...others] = actions
  return others.reduce((most, action) => (demands(action) > demands(most) ? action : most), first)
}
