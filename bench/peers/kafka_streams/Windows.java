import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalDate;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.processor.TimestampExtractor;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * Who comes by AT_LEAST times within an hour, in windows of an hour every five minutes of event time.
 *
 * <p>java Windows BROKER TOPIC OUTPUT EVENTS hopping|panes STATE prints events/s, from the first event to the end of
 * an orderly close, behind which all is flushed and committed. STATE: an empty folder, whose name is the application's.
 */
public final class Windows {
  static final long PANE_MS = 300_000;
  static final int PANES = 12; // an hour
  static final int GRACE = 2; // panes: 10 min
  static final int AT_LEAST = 6;
  static final long TIMEOUT_S = 240; // shorter than the patience of who runs this
  static final byte[] NOTHING = new byte[0];

  static final LongAdder seen = new LongAdder();
  static volatile long began;

  public static void main(String[] args) throws Exception {
    String broker = args[0], topic = args[1], output = args[2];
    long events = Long.parseLong(args[3]);
    Topology topology =
        switch (args[4]) {
          case "hopping" -> hopping(topic, output);
          case "panes" -> panes(topic, output);
          default -> throw new IllegalArgumentException("neither hopping nor panes: " + args[4]);
        };
    AtomicReference<Throwable> failure = new AtomicReference<>();
    long deadline = System.nanoTime() + Duration.ofSeconds(TIMEOUT_S).toNanos();
    KafkaStreams streams = new KafkaStreams(topology, settings(broker, Path.of(args[5])));
    streams.setUncaughtExceptionHandler(error -> {
      failure.compareAndSet(null, error);
      return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
    });
    streams.start();
    while (seen.sum() < events && failure.get() == null) {
      if (System.nanoTime() > deadline) {
        fail("only " + seen.sum() + " of " + events + " events after " + TIMEOUT_S + " s");
      }
      Thread.sleep(2);
    }
    // Each thread first finishes the event that it has; then it commits.
    boolean closed = streams.close(Duration.ofNanos(Math.max(1, deadline - System.nanoTime())));
    double seconds = (System.nanoTime() - began) / 1e9;
    if (failure.get() != null) {
      failure.get().printStackTrace();
      fail("a stream thread failed");
    }
    if (!closed) {
      fail("not closed after " + TIMEOUT_S + " s");
    }
    System.out.printf("%.0f events/s%n", events / seconds);
  }

  /** Ends at once, whatever threads there still are. */
  static void fail(String reason) {
    System.err.println(reason);
    System.err.flush();
    Runtime.getRuntime().halt(1);
  }

  /**
   * What was the fastest, of what was tried on two cores with other work on them. Figures are events/s of hopping |
   * panes; runs of the same settings differed by as much as a factor of two, so only large differences mean something:
   *
   * <ul>
   *   <li>State in memory, without a cache: 12,100 | 79,100. On RocksDB: 8,200 | 64,000.
   *   <li>With a cache of 1 GiB: 5,900 in memory, 5,600 on RocksDB | as fast as without in memory, 59,600 on RocksDB. Of
   *       64 MiB, committed each second: 5,300 | 50,400. Of 10 MiB: 5,900. A window's count seldom changes twice
   *       between two commits: a cache costs more than it saves.
   *   <li>The parallel garbage collector: 10,400 to 14,200 | 91,700, against 12,100 to 13,400 | 64,600 to 79,100.
   *   <li>Producers without lz4, or with smaller batches: no difference for hopping | 75,900 without lz4, 60,000 with
   *       batches of 64 KiB. Larger fetches and polls than the defaults: no difference.
   *   <li>The time by Jackson's streaming parser: 57,600 for panes, against 64,600 to 79,100.
   * </ul>
   *
   * With less other work there they did better: 20,700 | 120,000 to 155,800. Without a cache nothing waits for a
   * commit: its interval is the default of 30 s. Changelogs are on.
   */
  static Properties settings(String broker, Path state) {
    Properties settings = new Properties();
    settings.putAll(Map.ofEntries(
        Map.entry(StreamsConfig.APPLICATION_ID_CONFIG, state.getFileName().toString()),
        Map.entry(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, broker),
        Map.entry(StreamsConfig.STATE_DIR_CONFIG, state.toString()),
        Map.entry(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 2),
        Map.entry(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class),
        Map.entry(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class),
        Map.entry(StreamsConfig.DEFAULT_TIMESTAMP_EXTRACTOR_CLASS_CONFIG, EventTime.class),
        Map.entry(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.AT_LEAST_ONCE),
        Map.entry(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 30_000),
        Map.entry(StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG), 100),
        Map.entry(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 256 * 1024),
        Map.entry(StreamsConfig.producerPrefix(ProducerConfig.COMPRESSION_TYPE_CONFIG), "lz4"),
        Map.entry(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest")));
    return settings;
  }

  /** The windows that it brings along. */
  static Topology hopping(String topic, String output) {
    StreamsBuilder builder = new StreamsBuilder();
    TimeWindows windows =
        TimeWindows.ofSizeAndGrace(Duration.ofMillis(PANES * PANE_MS), Duration.ofMillis(GRACE * PANE_MS))
            .advanceBy(Duration.ofMillis(PANE_MS));
    Duration retention = Duration.ofMillis((PANES + GRACE) * PANE_MS);
    builder
        .stream(topic, Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()))
        .peek((key, value) -> count())
        .groupByKey()
        .windowedBy(windows)
        .count(
            Materialized.<byte[], Long>as(
                    Stores.inMemoryWindowStore("counts", retention, Duration.ofMillis(windows.sizeMs), false))
                .withKeySerde(Serdes.ByteArray())
                .withValueSerde(Serdes.Long())
                .withLoggingEnabled(Map.of())
                .withCachingDisabled())
        .toStream()
        .filter((window, n) -> n >= AT_LEAST)
        .map((window, n) -> KeyValue.pair(window.key(), NOTHING))
        .to(output, Produced.with(Serdes.ByteArray(), Serdes.ByteArray()));
    return builder.build();
  }

  /** The same with one record a customer, written by hand on the Processor API. */
  static Topology panes(String topic, String output) {
    Topology topology = new Topology();
    topology.addSource("events", topic);
    topology.addProcessor("panes", Panes::new, "events");
    topology.addStateStore(
        Stores.keyValueStoreBuilder(
                Stores.inMemoryKeyValueStore("counts"), Serdes.ByteArray(), Serdes.ByteArray())
            .withLoggingEnabled(Map.of())
            .withCachingDisabled(),
        "panes");
    topology.addSink("often", output, "panes");
    return topology;
  }

  /** A customer's record: the number of the newest pane, and the counts of it and of those before it, newest first. */
  static final class Panes implements Processor<byte[], byte[], byte[], byte[]> {
    private static final int KEPT = PANES + GRACE;
    private ProcessorContext<byte[], byte[]> context;
    private KeyValueStore<byte[], byte[]> store;

    @Override
    public void init(ProcessorContext<byte[], byte[]> context) {
      this.context = context;
      store = context.getStateStore("counts");
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
      count();
      long pane = record.timestamp() / PANE_MS;
      byte[] before = store.get(record.key());
      ByteBuffer kept = ByteBuffer.allocate(Long.BYTES + KEPT * Short.BYTES);
      long newest = pane;
      if (before != null) {
        ByteBuffer old = ByteBuffer.wrap(before);
        newest = Math.max(pane, old.getLong(0));
        for (int i = 0; i < KEPT; i++) {
          long place = i - (newest - old.getLong(0));
          if (place >= 0) {
            kept.putShort(at(i), old.getShort(at((int) place)));
          }
        }
      }
      kept.putLong(0, newest);
      int mine = (int) (newest - pane);
      if (mine >= KEPT) {
        return; // too late for any hour
      }
      kept.putShort(at(mine), (short) (kept.getShort(at(mine)) + 1));
      store.put(record.key(), kept.array());
      // The hours that hold this pane: they end with it or a later one, and no more than the grace before the newest.
      for (int end = Math.min(mine, GRACE); end >= 0 && end > mine - PANES; end--) {
        int sum = 0;
        for (int i = end; i < end + PANES; i++) {
          sum += kept.getShort(at(i));
        }
        if (sum >= AT_LEAST) {
          context.forward(record.withValue(NOTHING));
          break;
        }
      }
    }

    private static int at(int place) {
      return Long.BYTES + place * Short.BYTES;
    }
  }

  static void count() {
    if (began == 0) {
      began = System.nanoTime();
    }
    seen.increment();
  }

  /** The time of a CloudEvent, cut out of its JSON, which is faster than any parser: "time":"2026-01-05T08:00:00Z". */
  public static final class EventTime implements TimestampExtractor {
    private static final byte[] NAME = "\"time\":\"".getBytes(StandardCharsets.US_ASCII);

    @Override
    public long extract(ConsumerRecord<Object, Object> record, long partitionTime) {
      byte[] json = (byte[]) record.value();
      int at = find(json) + NAME.length;
      long day = LocalDate.of(digits(json, at, 4), digits(json, at + 5, 2), digits(json, at + 8, 2)).toEpochDay();
      int seconds = digits(json, at + 11, 2) * 3600 + digits(json, at + 14, 2) * 60 + digits(json, at + 17, 2);
      return (day * 86_400 + seconds) * 1000;
    }

    private static int find(byte[] json) {
      for (int i = 0; i < json.length - NAME.length; i++) {
        int n = 0;
        while (n < NAME.length && json[i + n] == NAME[n]) {
          n++;
        }
        if (n == NAME.length) {
          return i;
        }
      }
      throw new IllegalArgumentException("an event without a time");
    }

    private static int digits(byte[] json, int at, int n) {
      int number = 0;
      for (int i = at; i < at + n; i++) {
        number = number * 10 + json[i] - '0';
      }
      return number;
    }
  }
}
