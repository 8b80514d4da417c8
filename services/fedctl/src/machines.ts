/**
 * Machines begin and end as fast as their provider lets them: spawn-provisioner gives it two minutes, and two more steps of
 * its own. Who gave up before would not see the token that is shown once.
 */
export const AT_MACHINES = { timeoutMs: 180_000 } as const
