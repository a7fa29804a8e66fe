/**
 * Owns the shell script that stands between us and Postgres, so that Postgres goes down and its temporary
 * directory goes away also when our process is killed. It never knows more of Postgres than its signals.
 *
 *     node ──stdin──▶ sh ──▶ initdb, then postgres
 *                      └──▶ listener: reads stdin, signals whichever of them runs
 *
 * What comes through stdin:
 *   first line   the superuser's password, for a new cluster
 *   INT          fast shutdown
 *   end of file  we are gone, or want to be: immediate shutdown
 *
 * Arguments: the directory, `temporary` or `kept`, initdb, postgres, one more option of initdb or "",
 * then the options of postgres.
 *
 * Points that are easily broken:
 * - A shell lets its background jobs ignore INT and QUIT. Both programs install handlers, but not in
 *   their first milliseconds: a single QUIT may get lost, so it is sent until the program is gone.
 * - The listener is ended by KILL: a subshell that has only just begun drops a TERM together with the traps
 *   that it inherits, and would then be waited for until the end of stdin.
 * - `wait` returns early when a signal was trapped, so it is asked again while the program lives.
 * - A cluster is made in a draft directory and moved when complete: one that exists is whole, and its
 *   password beside it is the right one. When another process was first, `mv` fails or moves the draft
 *   into the cluster; either way the draft is thrown away, and Postgres will say who runs there.
 */
export const guardScript: string = String.raw`
umask 077
exec 3<&0 </dev/null
dir=$1 keeping=$2 initdb=$3 postgres=$4 initdb_option=$5
shift 5
child=
trap '[ -z "$child" ] || kill -s INT "$child"' INT TERM HUP

run() {
  "$@" 3<&- &
  child=$!
  {
    while read -r signal; do kill -s "$signal" "$child"; done
    while kill -s QUIT "$child"; do sleep 0.1; done
  } <&3 >/dev/null 2>&1 &
  listener=$!
  while :; do
    wait "$child"
    status=$?
    kill -0 "$child" 2>/dev/null || break
  done
  child=
  kill -s KILL "$listener" 2>/dev/null
  wait "$listener" 2>/dev/null
  return "$status"
}

make_cluster() {
  draft=draft-$$
  mkdir "$dir/$draft" || return
  printf '%s\n' "$password" >"$dir/$draft/password" || return
  run "$initdb" -D "$dir/$draft/data" -U postgres -E UTF8 --locale=C -A scram-sha-256 \
    --pwfile="$dir/$draft/password" $initdb_option || return
  mv "$dir/$draft" "$dir/cluster" 2>/dev/null
  rm -rf "$dir/cluster/$draft"
  [ -d "$dir/cluster" ]
}

serve() {
  [ "$keeping" = kept ] || mkdir "$dir" || return
  read -r password <&3 || return
  if [ ! -d "$dir/cluster" ]; then
    make_cluster
    status=$?
    rm -rf "$dir/$draft"
    [ "$status" = 0 ] || return "$status"
  fi
  run "$postgres" -D "$dir/cluster/data" "$@"
}

serve "$@"
status=$?
[ "$keeping" = kept ] || rm -rf "$dir"
exit "$status"
`;
