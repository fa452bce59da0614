# shellcheck shell=bash
# Apache Kafka in KRaft mode: one process is broker and controller. Its jars come from Maven and are kept outside the
# checkout, so that only the first one on a machine fetches them.

KAFKA_VERSION=$(sed -n 's:.*<kafka.version>\(.*\)</kafka.version>.*:\1:p' "$here/kafka/pom.xml")
KAFKA_JARS=${XDG_CACHE_HOME:-${HOME:-/var/tmp}/.cache}/wallet-stack/kafka-$KAFKA_VERSION

kafka_title() { printf 'Kafka %s' "$KAFKA_VERSION"; }
kafka_url() { printf '127.0.0.1:%s' "$(port_of kafka)"; }
kafka_env() { printf 'export KAFKA_BROKERS=%s\n' "$(kafka_url)"; }

# Sets JAVA to a Java 17 or later.
kafka_find_java() {
  local java version
  for java in "${JAVA_HOME:+$JAVA_HOME/bin/java}" "$(command -v java || true)" /usr/lib/jvm/*/bin/java; do
    [[ -x $java ]] || continue
    version=$("$java" -version 2>&1) || continue
    if [[ $version =~ version\ \"([0-9]+) ]] && ((BASH_REMATCH[1] >= 17)); then
      JAVA=$java
      return 0
    fi
  done
  return 1
}

kafka_has_jars() { [[ -e $KAFKA_JARS/.complete ]]; }

kafka_packages() {
  kafka_find_java || printf 'default-jre-headless '
  kafka_has_jars || command -v mvn >/dev/null || printf 'maven '
}

kafka_fetch() {
  local cache=${KAFKA_JARS%/*} new lock
  mkdir -p -- "$cache" || return 1
  exec {lock}>"$cache/lock"
  flock "$lock"
  if ! kafka_has_jars; then
    say "fetching $(title kafka) by Maven, 45 MB …"
    new=$(mktemp -d "$cache/new.XXXXXX")
    # The copy goal by its full name, because the project is never built; -C refuses a jar whose checksum is wrong.
    if ! mvn -B -q -C -f "$here/kafka/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
      -DincludeScope=runtime -DoutputDirectory="$new" </dev/null >"$STACK_DIR/kafka.log" 2>&1 ||
      [[ ! -e $new/kafka_2.13-$KAFKA_VERSION.jar ]]; then
      tail -n 5 -- "$STACK_DIR/kafka.log" >&2
      rm -rf -- "$new"
      return 1
    fi
    : >"$new/.complete"
    rm -rf -- "$KAFKA_JARS"
    mv -- "$new" "$KAFKA_JARS"
  fi
  exec {lock}>&-
}

kafka_prepare() {
  kafka_find_java || { give_up kafka "no Java 17 or later here and no way to install it"; return 1; }
  if ! kafka_has_jars; then
    command -v mvn >/dev/null || { give_up kafka "no Maven here and no way to install it"; return 1; }
    kafka_fetch || { give_up kafka "Kafka could not be fetched"; return 1; }
  fi
  mkdir -p -- "$STACK_DIR/kafka/data"
}

# Paths are relative to the broker's working directory, because Kafka takes a comma in one for the end of it.
# The quorum is the static one, named by its address here and nowhere in the data: a broker that has to change its
# ports finds itself again.
kafka_settings() {
  local port controller
  port=$(port_of kafka)
  controller=$(port_of kafka-controller)
  cat <<E
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
controller.listener.names=CONTROLLER
inter.broker.listener.name=CLIENTS
listeners=CLIENTS://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller
advertised.listeners=CLIENTS://127.0.0.1:$port
listener.security.protocol.map=CLIENTS:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=data

# The service makes its topics itself, as it has to in production.
auto.create.topics.enable=false

# One node holds one replica of everything, and few internal partitions start faster.
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1

# Without these every first join of a group waits three seconds, and a test cannot ask for a short session.
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000

# How long a broker that was killed stays unwelcome when it comes back.
broker.session.timeout.ms=4000
broker.heartbeat.interval.ms=500

# A small machine: few threads, and a buffer for the cleaner that fits the heap.
num.network.threads=2
num.io.threads=2
log.cleaner.dedupe.buffer.size=8388608
log.segment.bytes=67108864
log.retention.hours=24
E
}

kafka_logging() {
  cat <<'E'
status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %m (%c)%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
# The line that says that the broker serves comes from here.
logger.server.name = kafka.server.KafkaRaftServer
logger.server.level = info
E
}

kafka_launch() {
  local home=$STACK_DIR/kafka heap format=()
  read -r -a format <<<"${KAFKA_FORMAT:-}"
  claim_port "$STACK_DIR/kafka.port"
  claim_port "$STACK_DIR/kafka-controller.port"
  kafka_settings >"$home/server.properties"
  [[ -z ${KAFKA_PROPERTIES:-} ]] || cat -- "$KAFKA_PROPERTIES" >>"$home/server.properties"
  kafka_logging >"$home/log4j2.properties"
  if [[ ! -e $home/data/meta.properties ]] &&
    ! (cd -- "$home" && "$JAVA" -Xmx128m -XX:TieredStopAtLevel=1 -cp "$KAFKA_JARS/*" kafka.tools.StorageTool format \
      -t wallet-stack-000000001 -c server.properties "${format[@]}") >"$STACK_DIR/kafka.log" 2>&1; then
    tail -n 5 -- "$STACK_DIR/kafka.log" >&2
    give_up kafka "the broker's storage could not be made"
    return 1
  fi
  read -r -a heap <<<"${KAFKA_HEAP:--Xms192m -Xmx384m}"
  # Compiled quickly, not well: for its first minutes the second compiler takes more of a small machine than the broker does,
  # and a broker for development seldom lives much longer.
  launch kafka "$JAVA" "${heap[@]}" -XX:TieredStopAtLevel=1 -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -XX:+ExplicitGCInvokesConcurrent \
    -Djava.awt.headless=true -Dkafka.logs.dir="$home" -Dlog4j2.configurationFile=log4j2.properties \
    -cp "$KAFKA_JARS/*" kafka.Kafka "$home/server.properties"
}

kafka_ready() { grep -q 'Kafka Server started' "$STACK_DIR/kafka.log" 2>/dev/null; }
kafka_welcome() { :; }
kafka_wipe() { rm -f -- "$STACK_DIR/kafka-controller.port"; }
