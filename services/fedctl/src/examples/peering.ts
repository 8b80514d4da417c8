import { ID, IDENTITY } from './stand-ins.ts'

/** Lines that people type about peers, invitations, certificates and children. */
export const PEERING = `
fedctl peer list --state degraded,suspended
fedctl peer show b --events 50
fedctl peer propose https://b.example:7443 --name b --ttl 2d --note 'ticket 812'
fedctl peer accept - --name a --wait=2m    # paste the invitation, then Ctrl-D
fedctl peer update b --name berlin
fedctl peer suspend b --reason 'maintenance until noon'
fedctl peer resume b --wait
fedctl peer revoke b --reason 'the contract ended' --dry-run
fedctl peer re-peer b --ttl 1d
fedctl peer emancipate west-1 --dry-run
fedctl peer adopt west-1 --as parent
fedctl invite create b --name laptop --ttl 1h
fedctl invite list b
fedctl invite revoke ${ID}
fedctl invite preview -    # paste the invitation; nobody is told
fedctl ca show --pem
fedctl ca rotate plan --rehearse
fedctl ca rotate apply --step published --dry-run
fedctl cert list --kind service
fedctl cert issue olga --out ./olga
fedctl cert issue ${ID} --kind instance --out ./hub-1
fedctl cert revoke operator/olga --reason 'she left'
fedctl acceptance run - --dry-run    # paste the invitation
fedctl acceptance list
fedctl acceptance show ${ID}
fedctl acceptance retry ${ID} sdwan_attach
fedctl child spawn west-1 --mode managed_child --dry-run
fedctl child spawn west-1 --mode managed_child --wait=10m
fedctl child list --state booting,joining
fedctl child show west-1
fedctl child watch west-1 --follow
fedctl child resume west-1
fedctl child rotate-token west-1
fedctl child rotate-credential west-1
fedctl child terminate west-1 --reason 'no longer needed' --dry-run
fedctl child emancipate west-1 --dry-run
fedctl child adopt west-1
fedctl child promote west-1 --dry-run
fedctl child fail-back west-1 --dry-run
fedctl template create default --description 'a whole platform'
fedctl template list --all
fedctl template retire default
fedctl provider create here --kind process --region local --type small=1,1GiB
fedctl provider list
fedctl provider delete here
fedctl instance list --provider here
fedctl instance show west-1
fedctl instance restart west-1 --wait
fedctl instance terminate west-1 --dry-run
fedctl instance orphans
fedctl cert revoke ${IDENTITY} --dry-run
`
