-- What `prepareDatabase` (libs/postgres) does to the server of a platform, in its order, for those who read or run it
-- by hand. Written by deploy/dev/src/write-roles.ts from the statements of a real run; a test says when it is not current.
--
-- Run as superuser. Every <password of …> is a SCRAM verifier or a password of your own choice.
-- Afterwards each schema's owner applies services/<service>/migrations; a service's role then holds the table grants
-- written there, and nothing else.

create database "powernode" template template0 encoding 'UTF8' locale_provider libc locale 'C';
create role "peer_registry_owner" with login nosuperuser nocreatedb nocreaterole noreplication nobypassrls noinherit password '<password of peer_registry_owner>';
create role "peer_registry" with login nosuperuser nocreatedb nocreaterole noreplication nobypassrls noinherit password '<password of peer_registry>';
create role "liveness_owner" with login nosuperuser nocreatedb nocreaterole noreplication nobypassrls noinherit password '<password of liveness_owner>';
create role "liveness" with login nosuperuser nocreatedb nocreaterole noreplication nobypassrls noinherit password '<password of liveness>';
create role "audit_ledger_owner" with login nosuperuser nocreatedb nocreaterole noreplication nobypassrls noinherit password '<password of audit_ledger_owner>';
create role "audit_ledger" with login nosuperuser nocreatedb nocreaterole noreplication nobypassrls noinherit password '<password of audit_ledger>';
create role "grant_authz_owner" with login nosuperuser nocreatedb nocreaterole noreplication nobypassrls noinherit password '<password of grant_authz_owner>';
create role "grant_authz" with login nosuperuser nocreatedb nocreaterole noreplication nobypassrls noinherit password '<password of grant_authz>';
create role "spawn_provisioner_owner" with login nosuperuser nocreatedb nocreaterole noreplication nobypassrls noinherit password '<password of spawn_provisioner_owner>';
create role "spawn_provisioner" with login nosuperuser nocreatedb nocreaterole noreplication nobypassrls noinherit password '<password of spawn_provisioner>';
create role "sdwan_compiler_owner" with login nosuperuser nocreatedb nocreaterole noreplication nobypassrls noinherit password '<password of sdwan_compiler_owner>';
create role "sdwan_compiler" with login nosuperuser nocreatedb nocreaterole noreplication nobypassrls noinherit password '<password of sdwan_compiler>';
revoke all on database "powernode" from public;
grant connect on database "powernode" to "peer_registry_owner";
alter role "peer_registry_owner" in database "powernode" set search_path = "peer_registry";
grant connect on database "powernode" to "peer_registry";
alter role "peer_registry" in database "powernode" set search_path = "peer_registry";
grant connect on database "powernode" to "liveness_owner";
alter role "liveness_owner" in database "powernode" set search_path = "liveness";
grant connect on database "powernode" to "liveness";
alter role "liveness" in database "powernode" set search_path = "liveness";
grant connect on database "powernode" to "audit_ledger_owner";
alter role "audit_ledger_owner" in database "powernode" set search_path = "audit_ledger";
grant connect on database "powernode" to "audit_ledger";
alter role "audit_ledger" in database "powernode" set search_path = "audit_ledger";
grant connect on database "powernode" to "grant_authz_owner";
alter role "grant_authz_owner" in database "powernode" set search_path = "grant_authz";
grant connect on database "powernode" to "grant_authz";
alter role "grant_authz" in database "powernode" set search_path = "grant_authz";
grant connect on database "powernode" to "spawn_provisioner_owner";
alter role "spawn_provisioner_owner" in database "powernode" set search_path = "spawn_provisioner";
grant connect on database "powernode" to "spawn_provisioner";
alter role "spawn_provisioner" in database "powernode" set search_path = "spawn_provisioner";
grant connect on database "powernode" to "sdwan_compiler_owner";
alter role "sdwan_compiler_owner" in database "powernode" set search_path = "sdwan_compiler";
grant connect on database "powernode" to "sdwan_compiler";
alter role "sdwan_compiler" in database "powernode" set search_path = "sdwan_compiler";

\connect powernode

revoke all on schema public from public;
revoke all on language plpgsql from public;
create schema if not exists "peer_registry" authorization "peer_registry_owner";
alter schema "peer_registry" owner to "peer_registry_owner";
revoke all on schema "peer_registry" from public;
grant usage on schema "peer_registry" to "peer_registry";
grant usage on language plpgsql to "peer_registry_owner";
alter default privileges for role "peer_registry_owner" revoke execute on functions from public;
create schema if not exists "liveness" authorization "liveness_owner";
alter schema "liveness" owner to "liveness_owner";
revoke all on schema "liveness" from public;
grant usage on schema "liveness" to "liveness";
grant usage on language plpgsql to "liveness_owner";
alter default privileges for role "liveness_owner" revoke execute on functions from public;
create schema if not exists "audit_ledger" authorization "audit_ledger_owner";
alter schema "audit_ledger" owner to "audit_ledger_owner";
revoke all on schema "audit_ledger" from public;
grant usage on schema "audit_ledger" to "audit_ledger";
grant usage on language plpgsql to "audit_ledger_owner";
alter default privileges for role "audit_ledger_owner" revoke execute on functions from public;
create schema if not exists "grant_authz" authorization "grant_authz_owner";
alter schema "grant_authz" owner to "grant_authz_owner";
revoke all on schema "grant_authz" from public;
grant usage on schema "grant_authz" to "grant_authz";
grant usage on language plpgsql to "grant_authz_owner";
alter default privileges for role "grant_authz_owner" revoke execute on functions from public;
create schema if not exists "spawn_provisioner" authorization "spawn_provisioner_owner";
alter schema "spawn_provisioner" owner to "spawn_provisioner_owner";
revoke all on schema "spawn_provisioner" from public;
grant usage on schema "spawn_provisioner" to "spawn_provisioner";
grant usage on language plpgsql to "spawn_provisioner_owner";
alter default privileges for role "spawn_provisioner_owner" revoke execute on functions from public;
create schema if not exists "sdwan_compiler" authorization "sdwan_compiler_owner";
alter schema "sdwan_compiler" owner to "sdwan_compiler_owner";
revoke all on schema "sdwan_compiler" from public;
grant usage on schema "sdwan_compiler" to "sdwan_compiler";
grant usage on language plpgsql to "sdwan_compiler_owner";
alter default privileges for role "sdwan_compiler_owner" revoke execute on functions from public;
