#!/bin/sh
{ set +x; } 2>/dev/null # a trace would show more than belongs into a log
# Plans what a commit's flows would do to a server, tells the pull request, and applies that plan.
#
#     ziggy.sh plan [COMMIT]           plan it, keep the plan, print it as Markdown
#     ziggy.sh comment-github < FILE   write the Markdown into the one comment of the pull request
#     ziggy.sh comment-gitlab < FILE   the same for a merge request
#     ziggy.sh key-github [COMMIT]     print the key of the pull request that was merged as COMMIT
#     ziggy.sh key-gitlab [COMMIT]     the same for a merge request
#     ziggy.sh apply [COMMIT]          apply the plan that is kept for this key, or nothing
#
# COMMIT is HEAD where it is not given. It needs git, curl and a POSIX awk. Its variables:
#
#     ZIGGY_URL       the server, such as https://ziggy.example.org
#     ZIGGY_API_KEY   secret: a planner's key to plan, a key that may import to apply
#     ZIGGY_PLAN      the key of the plan, such as owner/repo#42
#     ZIGGY_DIR       the directory of the flows in the repository; flows where it is not set
#     ZIGGY_MODE      OVERWRITE where it is not set; LEAVE or RENAME
#     ZIGGY_LINK, ZIGGY_TITLE   the pull request, for people
#     ZIGGY_ACCEPT    to apply: codes of warnings that are acknowledged, separated by commas
#     GITHUB_API_URL, GITHUB_REPOSITORY, GITHUB_TOKEN (secret), PULL_REQUEST,
#       COMMENT_AUTHOR (github-actions[bot] where it is not set)
#     CI_API_V4_URL, CI_PROJECT_ID, CI_PROJECT_PATH, CI_MERGE_REQUEST_IID, GITLAB_TOKEN (secret)
#
# Exit codes, as those of the commands: 0 done, 1 failed, 2 usage, 3 refused: the Markdown or stderr
# says why, 4 another import is running, 5 stale: plan again, 6 no backup, 7 not permitted.
#
# Secrets are read from the environment by awk, and given to curl on its standard input: they are in
# no argument of a process, in no file and in no output.

set -eu
umask 077
LC_ALL=C
export LC_ALL

fail() { # CODE MESSAGE
	printf '%s\n' "ziggy: $2" >&2
	exit "$1"
}

need() { # NAME...: each is set, which says nothing of its value
	for name; do
		eval "[ -n \"\${$name:+set}\" ]" || fail 2 "Set the variable $name."
	done
}

check_url() { # NAME: a secret goes over TLS, or stays on this machine
	url=''
	eval "url=\$$1"
	case $url in
	*[!A-Za-z0-9._~:/?%@=+-]* | *@*) fail 2 "$1 is no address such as https://ziggy.example.org." ;;
	https://?* | http://127.0.0.1 | http://127.0.0.1[:/]* | http://localhost | http://localhost[:/]*) ;;
	*) fail 2 "$1 must begin with https://." ;;
	esac
}

check_number() { # NAME
	eval "number=\$$1"
	case $number in
	'' | *[!0-9]*) fail 2 "$1 must be a number." ;;
	esac
}

# --- HTTP

# The secret of the variable, as a header in the configuration that curl reads from its input.
write_secret() { # VARIABLE HEADER
	awk -v name="$1" -v header="$2" 'BEGIN {
		secret = ENVIRON[name]
		if (secret !~ /^[A-Za-z0-9._~+\/=-]+$/) exit 1
		printf "header = \"%s%s\"\n", header, secret
	}' || fail 2 "$1 has characters that no key has, such as a space or a line break."
}

# Puts the answer into $work/answer and its headers into $work/headers; sets $status.
# The secret is that of $secret_name and $secret_header. An answer of any status is an answer.
ask() { # curl's arguments...
	write_secret "$secret_name" "$secret_header" >/dev/null
	: >"$work/answer"
	status=$(write_secret "$secret_name" "$secret_header" |
		curl --config - --silent --show-error --connect-timeout 20 --max-time "${ZIGGY_TIMEOUT:-600}" \
			--output "$work/answer" --dump-header "$work/headers" --write-out '%{http_code}' "$@") ||
		fail 1 "No answer: curl ended with $?."
}

# The same for what may be asked twice: a lost connection or a failure of a proxy is tried again.
ask_again() {
	ask --retry 3 --retry-connrefused "$@"
}

# --- JSON

# Prints each value of the JSON file as a line: its path, a tab, and the value. A string begins with
# a double quote, has its escapes, and is cut at 4,000 bytes: no text of it makes a line of its own.
list_values() { # FILE
	awk '
	function emit(value, level, path) {
		path = ""
		for (level = 1; level <= depth; level++)
			path = path (level > 1 ? "." : "") (kind[level] == "[" ? place[level] : key[level])
		print path "\t" value
	}
	function close_literal() {
		if (literal != "") emit(literal)
		literal = ""
	}
	BEGIN { RS = "\"" }
	inside {
		if (length(text) < 4000) text = text substr($0, 1, 4000)
		if (match($0, /\\+$/) && RLENGTH % 2) { text = text "\""; next }
		inside = 0
		if (awaits_key) key[depth] = text
		else emit("\"" text)
		next
	}
	{
		for (at = 1; at <= length($0); at++) {
			char = substr($0, at, 1)
			if (char == "{" || char == "[") {
				kind[++depth] = char; place[depth] = 0; awaits_key = (char == "{")
			} else if (char == "}" || char == "]") {
				close_literal(); depth--; awaits_key = 0
			} else if (char == ",") {
				close_literal(); place[depth]++; awaits_key = (kind[depth] == "{")
			} else if (char == ":") awaits_key = 0
			else if (char !~ /[ \t\r\n]/) literal = literal char
		}
		inside = 1; text = ""
	}' "$1"
}

# Prints what the JSON file has at the path: of a string what it says, without control characters.
get_value() { # FILE PATH
	list_values "$1" | awk -F '\t' -v path="$2" "$UNESCAPE"'
		$1 == path && !found { found = 1; print unescape(substr($0, length(path) + 2)) }'
}

# What the escapes of a string stand for; a character beyond ASCII stays written out.
UNESCAPE='
function hex(text, at, value) {
	for (at = 1; at <= length(text); at++)
		value = value * 16 + index("0123456789abcdef", tolower(substr(text, at, 1))) - 1
	return value
}
function unescape(value, done, next_one, number) {
	if (substr(value, 1, 1) != "\"") return value
	value = substr(value, 2)
	while (match(value, /\\./)) {
		done = done substr(value, 1, RSTART - 1)
		next_one = substr(value, RSTART + 1, 1)
		value = substr(value, RSTART + 2)
		if (next_one == "u") {
			number = hex(substr(value, 1, 4))
			if (number >= 127) done = done "\\u" substr(value, 1, 4)
			else done = done (number < 32 ? " " : sprintf("%c", number))
			value = substr(value, 5)
		} else done = done (index("nrtbf", next_one) ? " " : next_one)
	}
	return done value
}
'

# Prints {"body": TEXT} with what the file says.
write_body() { # FILE
	awk '
	BEGIN {
		for (number = 1; number < 32; number++)
			escaped[sprintf("%c", number)] = sprintf("\\u%04x", number)
		escaped["\""] = "\\\""
		escaped["\\"] = "\\\\"
		printf "{\"body\": \""
	}
	{
		line = $0
		while (match(line, /[\001-\037"\\]/)) {
			printf "%s%s", substr(line, 1, RSTART - 1), escaped[substr(line, RSTART, 1)]
			line = substr(line, RSTART + 1)
		}
		printf "%s\\n", line
	}
	END { print "\"}" }' "$1"
}

# --- The server

ask_server() { # as ask_again, for a path of the API
	secret_name=ZIGGY_API_KEY secret_header='Authorization: Bearer '
	path=$1
	shift
	ask_again "$@" "${ZIGGY_URL%/}/api/$path"
}

# Prints why the server refused, as Markdown in which no text acts: all of it is code.
explain_refusal() {
	code=$(get_value "$work/answer" code)
	if [ -z "$code" ]; then
		printf '    The answer of the server was %s.\n' "$status"
		return
	fi
	printf '    %s: %s\n' "$code" "$(get_value "$work/answer" message)"
	list_values "$work/answer" | awk -F '\t' "$UNESCAPE"'
		$1 ~ /^issues\.[0-9]+\.(path|message)$/ {
			split($1, steps, ".")
			value = unescape(substr($0, length($1) + 2))
			if (steps[3] == "path") place[steps[2]] = value
			else text[steps[2]] = value
			if (steps[2] >= count) count = steps[2] + 1
		}
		END {
			for (at = 0; at < count && at < 200; at++)
				printf "    %s%s\n", (place[at] == "" ? "" : place[at] ": "), text[at]
			if (count > 200) printf "    and %d more\n", count - 200
		}'
}

# Ends with the exit code of a refusal.
end_refused() {
	case $status in
	403 | 401) exit 7 ;;
	409)
		case $code in
		stale-plan | other-plan) exit 5 ;;
		key-taken | too-many-plans) exit 3 ;;
		*) exit 4 ;;
		esac
		;;
	503) exit 6 ;;
	400 | 404 | 413 | 422) exit 3 ;;
	*) exit 1 ;;
	esac
}

# Sets $commit and $tree: the commit, and the id of what the directory holds in it.
find_commit() { # COMMIT
	directory=${ZIGGY_DIR:-flows}
	case $1 in -*) fail 2 "A commit does not begin with a dash." ;; esac
	case $directory in -* | :* | /*) fail 2 "ZIGGY_DIR is no directory of the repository." ;; esac
	commit=$(git rev-parse --verify --quiet "$1^{commit}") || fail 2 "There is no commit $1."
	tree=$(git rev-parse --verify --quiet "$commit:${directory%/}") ||
		fail 2 "$commit has no directory $directory: set ZIGGY_DIR."
}

plan() { # COMMIT
	need ZIGGY_URL ZIGGY_API_KEY ZIGGY_PLAN
	check_url ZIGGY_URL
	find_commit "$1"
	pack
	send_plan plan-1 --form-string "title=${ZIGGY_TITLE:-}"
	if [ "$status" = 422 ] && [ "$(get_value "$work/answer" issues.0.path)" = title ]; then
		send_plan plan-2 # without a title that is too long, or has characters which are not seen
	fi
	case $status in
	201) show_plan ;;
	*) show_refused_plan ;;
	esac
}

# A file, not a pipe: a failure of git is seen, and what was sent may be sent again.
pack() {
	git archive --format=tar.gz --output="$work/flows.tar.gz" "$commit" "$directory" ||
		fail 1 "git could not archive $directory."
}

send_plan() { # WORD, more of curl's arguments...
	idempotency=$(make_key "$1")
	shift
	# --form-string, as -F would read a file for a text that begins with @ or <.
	ask_server plans --form "file=@$work/flows.tar.gz;filename=flows.tar.gz;type=application/gzip" \
		--form-string "duplicatesMode=${ZIGGY_MODE:-OVERWRITE}" --form-string "key=$ZIGGY_PLAN" \
		--form-string "link=${ZIGGY_LINK:-}" --form-string "commit=$commit tree:$tree" \
		--header "Idempotency-Key: $idempotency" --header 'Accept: application/json' "$@"
}

make_key() { # WORD: one that no other call has
	printf '%s-%s-%s-%s' "$1" "$tree" "$$" "$(date +%s)"
}

show_plan() {
	id=$(get_value "$work/answer" id)
	refusal=$(get_value "$work/answer" refusalCode)
	page=$(get_value "$work/answer" url)
	check_number id
	ask_server "plans/$id" --header 'Accept: text/markdown'
	[ "$status" = 200 ] || { explain_refusal >&2 && end_refused; }
	print_marked "$work/answer"
	case $page in
	http*[!A-Za-z0-9._~:/%-]*) ;;
	http*) printf '\n[The plan on the server](%s)\n' "$page" ;;
	esac
	[ -z "$refusal" ] || exit 3
}

# A file that is refused is not kept. The dry run of an import says why in Markdown.
show_refused_plan() {
	explain_refusal >"$work/reasons"
	cat "$work/reasons" >&2
	cp "$work/answer" "$work/refused"
	refused=$status
	case $refused in
	400 | 413 | 422)
		ask_server flow/import --header 'Accept: text/markdown' --form-string dryRun=true \
			--form "file=@$work/flows.tar.gz;filename=flows.tar.gz;type=application/gzip" \
			--form-string "duplicatesMode=${ZIGGY_MODE:-OVERWRITE}"
		if grep -qi '^content-type: *text/markdown' "$work/headers"; then
			print_marked "$work/answer"
		else
			{ printf 'The flows cannot be planned:\n\n' && cat "$work/reasons"; } >"$work/answer"
			print_marked "$work/answer"
		fi
		;;
	esac
	status=$refused
	code=$(get_value "$work/refused" code)
	end_refused
}

# Prints the Markdown with a first line that marks it as of this plan.
print_marked() { # FILE
	awk -v key="$(encode_key)" '
		NR == 1 && /^<!-- ziggy-plan server=[^ ]+ source=[^ ]+ -->$/ {
			sub(/ source=[^ ]+ /, " source=" key " ")
			print
			next
		}
		NR == 1 { printf "<!-- ziggy-plan source=%s -->\n\n", key }
		{ print }' "$1"
}

# Prints the key of the plan as the server has it in the first line of a plan.
encode_key() {
	KEY=$ZIGGY_PLAN awk 'BEGIN {
		for (number = 1; number < 256; number++)
			code[sprintf("%c", number)] = sprintf("%%%02X", number)
		for (at = 1; at <= length(ENVIRON["KEY"]); at++) {
			char = substr(ENVIRON["KEY"], at, 1)
			printf "%s", char ~ /[A-Za-z0-9_.~]/ ? char : code[char]
		}
	}'
}

apply() { # COMMIT
	need ZIGGY_URL ZIGGY_API_KEY ZIGGY_PLAN
	check_url ZIGGY_URL
	find_commit "$1"
	ask_server plans --get --data-urlencode "key=$ZIGGY_PLAN"
	[ "$status" = 200 ] || { explain_refusal >&2 && end_refused; }
	id=$(get_value "$work/answer" results.0.id)
	[ -n "$id" ] || fail 5 "No plan is kept for $ZIGGY_PLAN: it was never made, or has expired. $(say_again)"
	check_number id
	ask_server "plans/$id" --header 'Accept: application/json'
	[ "$status" = 200 ] || { explain_refusal >&2 && end_refused; }
	cp "$work/answer" "$work/kept"
	token=$(get_value "$work/kept" token)
	case $(get_value "$work/kept" commit) in
	*" tree:$tree") ;;
	*) fail 5 "Nothing was applied: $directory of $commit is not what was planned and reviewed. Other changes were merged since, or more was pushed. $(say_again)" ;;
	esac
	check_kept
	send_apply
}

# Whoever may push a branch may use the planner's key in its pipeline, and keep any plan under this
# key. So this commit is planned here once more, with the key of the import: what is kept must be of
# the same file, and do to each item what a plan without decisions and acknowledgements does.
check_kept() {
	pack
	ask_server flow/import --header 'Accept: application/json' --form-string dryRun=true \
		--form-string withPlan=true --form-string "accept=${ZIGGY_ACCEPT:-}" \
		--form "file=@$work/flows.tar.gz;filename=flows.tar.gz;type=application/gzip" \
		--form-string "duplicatesMode=${ZIGGY_MODE:-OVERWRITE}"
	[ "$status" = 200 ] || { explain_refusal >&2 && end_refused; }
	[ "$(get_value "$work/answer" plan.file.sha256)" = "$(get_value "$work/kept" fileSha256)" ] ||
		fail 5 "Nothing was applied: the plan that is kept for $ZIGGY_PLAN is of another file than $directory of $commit, though it says otherwise. Find out who made it. $(say_again)"
	[ "$(get_value "$work/kept" record)" = null ] || return 0 # applied before: the same is answered
	list_results "$work/kept" >"$work/kept-results"
	list_results "$work/answer" >"$work/results"
	cmp -s "$work/kept-results" "$work/results" ||
		fail 5 "Nothing was applied: the server is not what it was when this was planned, or somebody decided otherwise on items. What was decided on the page of a plan is confirmed there. $(show_changed)$(say_again)"
	needed=$(list_values "$work/answer" | sed -n 's/^needsAcknowledgement\.[0-9]*\.code	"\([a-z-]*\)$/ \1/p')
	[ -z "$needed" ] ||
		fail 3 "Nothing was applied: these warnings must be acknowledged:$(echo "$needed" | tr -d '\n'). $(say_acknowledge)"
}

# Prints what becomes of each item, one a line.
list_results() { # FILE
	list_values "$1" | grep -E '^([a-z]+Processed|pruned)\.[0-9]+\.(uuid|name|result|matchMethod)	' || :
}

show_changed() {
	diff "$work/kept-results" "$work/results" | sed -n 's/^[<>] \([a-z]*\)Processed\.\([0-9]*\)\.result	"\([A-Z_]*\).*/\1 \2 \3/p' |
		awk '
		NR <= 60 && ($1 " " $2) in was { changed = changed $1 " " ($2 + 1) " of the plan: " was[$1 " " $2] ", now " $3 ". " }
		{ was[$1 " " $2] = $3 }
		END { print changed }'
}

say_acknowledge() {
	printf 'Whoever may import confirms the plan on its page, or runs this with ZIGGY_ACCEPT.'
}

say_again() {
	printf 'Plan again with: ziggy.sh plan %s. Look at the new plan, and run this again.' "$commit"
}

send_apply() {
	accept=$(printf %s "${ZIGGY_ACCEPT:-}" | tr -cd 'a-z,-' | sed 's/[^,][^,]*/"&"/g')
	case $token in '' | *[!A-Za-z0-9]*) fail 1 "The server gave no token." ;; esac
	printf '{"token": "%s", "accept": [%s]}' "$token" "$accept" >"$work/body"
	ask_server "plans/$id/apply" --header 'Content-Type: application/json' --data-binary "@$work/body" \
		--header "Idempotency-Key: $(make_key apply)" --header 'Prefer: wait=120'
	case $status in
	20[01])
		printf 'Applied the plan %s of %s: %s\n' "$id" "$ZIGGY_PLAN" \
			"$(sed -n 's/^[Ll]ocation: *\([!-~]*\).*/\1/p' "$work/headers")"
		return
		;;
	esac
	explain_refusal >&2
	code=$(get_value "$work/answer" code)
	case $code in
	stale-plan | other-plan)
		fail 5 "Nothing was applied: the server is not what it was when this was planned. $(say_again)" ;;
	needs-acknowledgement) fail 3 "Nothing was applied. $(say_acknowledge)" ;;
	esac
	end_refused
}

# --- The hosts

use_github() {
	need GITHUB_API_URL GITHUB_REPOSITORY GITHUB_TOKEN
	check_url GITHUB_API_URL
	case $GITHUB_REPOSITORY in
	*[!A-Za-z0-9._/-]* | */*/* | *..*) fail 2 "GITHUB_REPOSITORY must be owner/name." ;;
	esac
	secret_name=GITHUB_TOKEN secret_header='Authorization: Bearer '
	host=${GITHUB_API_URL%/}/repos/$GITHUB_REPOSITORY
}

use_gitlab() {
	need CI_API_V4_URL CI_PROJECT_ID GITLAB_TOKEN
	check_url CI_API_V4_URL
	check_number CI_PROJECT_ID
	secret_name=GITLAB_TOKEN secret_header='PRIVATE-TOKEN: '
	host=${CI_API_V4_URL%/}/projects/$CI_PROJECT_ID
}

check_answer() { # WHAT
	case $status in
	20[01]) ;;
	*) fail 1 "$1: the host answered $status: $(get_value "$work/answer" message)" ;;
	esac
}

comment_github() {
	need PULL_REQUEST
	use_github
	check_number PULL_REQUEST
	read_comment
	comments=$host/issues/$PULL_REQUEST/comments
	# The author, as anybody may write a comment with the same first line and edit it later.
	find_comment "$comments" user.login "${COMMENT_AUTHOR:-github-actions[bot]}"
	write_comment PATCH "$host/issues/comments/$found"
}

comment_gitlab() {
	need CI_MERGE_REQUEST_IID
	use_gitlab
	check_number CI_MERGE_REQUEST_IID
	read_comment
	ask_again "${CI_API_V4_URL%/}/user"
	check_answer "Who has the token"
	comments=$host/merge_requests/$CI_MERGE_REQUEST_IID/notes
	find_comment "$comments" author.id "$(get_value "$work/answer" id)"
	write_comment PUT "$comments/$found"
}

# Puts the Markdown of the input into $work/comment; sets $marker to its first line.
read_comment() {
	cat >"$work/comment"
	marker=$(sed -n 1p "$work/comment")
	case $marker in
	'<!-- ziggy-plan '*' -->') ;;
	*) fail 1 "The input is no plan: give what ziggy.sh plan printed." ;;
	esac
}

# Sets $found to the id of the author's first comment that begins with the marker, or to nothing.
find_comment() { # ADDRESS PATH AUTHOR
	found='' number=1
	while [ -z "$found" ]; do
		ask_again "$1?per_page=100&page=$number"
		check_answer "The comments"
		list_values "$work/answer" >"$work/values"
		found=$(MARKER=$marker AUTHOR=$3 awk -F '\t' -v author_path="$2" "$UNESCAPE"'
			{
				at = index($1, ".")
				comment = substr($1, 1, at - 1)
				path = substr($1, at + 1)
				value = substr($0, length($1) + 2)
			}
			path == "id" { id[comment] = value }
			path == author_path { author[comment] = unescape(value) }
			path == "body" {
				if (match(value, /\\r|\\n/)) value = substr(value, 1, RSTART - 1)
				body[comment] = unescape(value)
				if (comment + 1 > count) count = comment + 1
			}
			END {
				for (comment = 0; comment < count; comment++)
					if (body[comment] == ENVIRON["MARKER"] && author[comment] == ENVIRON["AUTHOR"] &&
						id[comment] ~ /^[0-9]+$/) {
						print id[comment]
						exit
					}
			}' "$work/values")
		grep -q '^99\.' "$work/values" || return 0
		number=$((number + 1))
		[ "$number" -le 100 ] || fail 1 "There are more than 10,000 comments."
	done
}

write_comment() { # METHOD ADDRESS-OF-THE-FOUND-ONE
	write_body "$work/comment" >"$work/body"
	set -- "$1" "$2" --header 'Content-Type: application/json' --data-binary "@$work/body"
	method=$1 address=$2
	shift 2
	if [ -n "$found" ]; then
		ask_again --request "$method" "$@" "$address"
		check_answer "The comment $found"
	else
		ask --request POST "$@" "$comments" # once: twice would be two comments
		check_answer "A new comment"
	fi
	printf 'The comment is %s.\n' "$(get_value "$work/answer" id)"
}

key_github() { # COMMIT
	use_github
	find_commit "$1"
	ask_again "$host/commits/$commit/pulls?per_page=100"
	check_answer "The pull requests of the commit"
	number=$(find_merged number merged_at)
	check_merged
	printf '%s#%s\n' "$GITHUB_REPOSITORY" "$number"
}

key_gitlab() { # COMMIT
	need CI_PROJECT_PATH
	use_gitlab
	find_commit "$1"
	ask_again "$host/repository/commits/$commit/merge_requests?per_page=100"
	check_answer "The merge requests of the commit"
	number=$(find_merged iid merged_at)
	check_merged
	printf '%s!%s\n' "$CI_PROJECT_PATH" "$number"
}

# Prints the number of the request that was merged as this very commit.
find_merged() { # PATH-OF-NUMBER PATH-OF-TIME
	list_values "$work/answer" | awk -F '\t' -v commit="$commit" -v number_path="$1" -v time_path="$2" '
		{ at = index($1, "."); one = substr($1, 1, at - 1); path = substr($1, at + 1) }
		path == number_path { number[one] = $2 }
		path == time_path && $2 != "null" { merged[one] = 1 }
		path ~ /^(merge_commit_sha|squash_commit_sha|sha)$/ && $2 == "\"" commit { is_it[one] = 1 }
		END { for (one in number) if (merged[one] && is_it[one]) { print number[one]; exit } }'
}

check_merged() {
	case $number in
	'' | *[!0-9]*) fail 1 "No pull request was merged as $commit: nothing is applied. Plan and apply it by hand." ;;
	esac
}

main() {
	command=${1:-}
	commit_given=${2:-HEAD}
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	trap 'exit 1' HUP INT TERM
	case $command in
	plan) plan "$commit_given" ;;
	apply) apply "$commit_given" ;;
	comment-github) comment_github ;;
	comment-gitlab) comment_gitlab ;;
	key-github) key_github "$commit_given" ;;
	key-gitlab) key_gitlab "$commit_given" ;;
	*) fail 2 "Say what: plan, apply, comment-github, comment-gitlab, key-github or key-gitlab." ;;
	esac
}

main "$@"
