/** What the gate and the executor have to know; an operator directory (@powernode/operators) knows it, in memory. */
export interface Directory {
  /** What an action's policy demands; undefined for an action there is no policy for. */
  policyOf(action: string): { readonly verb: string; readonly approvers: number } | undefined
  /** Whether what acts by itself may act. Undefined: nobody ever said that it may not. */
  readonly autonomy: { readonly halted: boolean; readonly reason: string } | undefined
  /** How many approvals wait for a service (`service/<name>`) to carry them out. */
  approvedFor(service: string): number
}
