// One of four programs that do the same: see ../program-tests.ts.
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAX_ROWS 64

struct row {
  char name[32];
  double value;
};

static int greet(int count, char **words) {
  printf("args ");
  for (int i = 0; i < count; i++) printf(i == 0 ? "%s" : "|%s", words[i]);
  const char *greeting = getenv("GREETING");
  printf("\nGREETING=%s\n", greeting == NULL ? "" : greeting);
  size_t bytes = 0, read;
  char buffer[1000];
  while ((read = fread(buffer, 1, sizeof buffer, stdin)) > 0) bytes += read;
  printf("stdin %zu bytes\n", bytes);
  fprintf(stderr, "greeted\n");
  return 0;
}

static long sum_of(const char *path) {
  FILE *file = fopen(path, "r");
  if (file == NULL) return -1;
  long sum = 0, number;
  while (fscanf(file, "%ld", &number) == 1) sum += number;
  fclose(file);
  return sum;
}

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void list(const char *path) {
  DIR *directory = opendir(path);
  char *names[MAX_ROWS];
  size_t count = 0;
  struct dirent *entry;
  while ((entry = readdir(directory)) != NULL && count < MAX_ROWS) {
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) names[count++] = strdup(entry->d_name);
  }
  closedir(directory);
  qsort(names, count, sizeof names[0], by_text);
  printf("%s:", path);
  for (size_t i = 0; i < count; i++) {
    printf(" %s", names[i]);
    free(names[i]);
  }
  printf("\n");
}

static void put(const char *path, const char *mode, const char *text) {
  FILE *file = fopen(path, mode);
  if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0) {
    perror(path);
    exit(9);
  }
}

static int files(void) {
  printf("sum %ld\n", sum_of("/data/numbers.txt"));
  mkdir("/out", 0777);
  mkdir("/out/deep", 0777);
  put("/out/deep/draft.txt", "w", "sum 60\n");
  put("/out/deep/draft.txt", "a", "end\n");
  if (rename("/out/deep/draft.txt", "/out/report.txt") != 0) perror("rename");

  struct stat stat_of;
  if (stat("/out/report.txt", &stat_of) != 0) perror("stat");
  FILE *report = fopen("/out/report.txt", "r");
  char last[16] = "";
  fseek(report, -4, SEEK_END);
  fgets(last, sizeof last, report);
  fclose(report);
  printf("report %lld bytes, last line %s", (long long)stat_of.st_size, last);

  list("/out");
  rmdir("/out/deep");
  unlink("/out/report.txt");
  list("/out");
  put("/data/numbers.txt", "w", "1\n");
  printf("sum %ld\n", sum_of("/data/numbers.txt"));
  FILE *missing = fopen("/data/missing.txt", "r");
  printf("missing: %s\n", missing == NULL && errno == ENOENT ? "no such file" : "unexpected");
  return 0;
}

static int by_value(const void *a, const void *b) {
  double difference = ((const struct row *)b)->value - ((const struct row *)a)->value;
  return (difference > 0) - (difference < 0);
}

static int sort(void) {
  struct row rows[MAX_ROWS];
  size_t count = 0;
  if (scanf(" [") != 0) return 8;
  while (count < MAX_ROWS && scanf(" { \"name\" : \"%31[^\"]\" , \"value\" : %lf }", rows[count].name, &rows[count].value) == 2) {
    count++;
    char next = 0;
    if (scanf(" %c", &next) != 1 || next != ',') break;
  }
  qsort(rows, count, sizeof rows[0], by_value);
  printf("[");
  for (size_t i = 0; i < count; i++) {
    printf("%s{\"name\":\"%s\",\"value\":%.15g}", i == 0 ? "" : ",", rows[i].name, rows[i].value);
  }
  printf("]\n");
  return 0;
}

static double seconds(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int wait_for(long ms) {
  double before = seconds(CLOCK_MONOTONIC);
  struct timespec pause = {ms / 1000, ms % 1000 * 1000000};
  nanosleep(&pause, NULL);
  double waited = seconds(CLOCK_MONOTONIC) - before;
  printf("%s after 2024: %s\n", waited * 1000 >= (double)ms ? "waited" : "woke early", seconds(CLOCK_REALTIME) > 1735689600 ? "yes" : "no");
  return 0;
}

static int random_bytes(void) {
  unsigned char bytes[16];
  if (getentropy(bytes, sizeof bytes) != 0) return 7;
  for (size_t i = 0; i < sizeof bytes; i++) printf("%02x", bytes[i]);
  printf("\n");
  return 0;
}

int main(int argc, char **argv) {
  const char *command = argc > 1 ? argv[1] : "";
  if (strcmp(command, "greet") == 0) return greet(argc - 2, argv + 2);
  if (strcmp(command, "files") == 0) return files();
  if (strcmp(command, "sort") == 0) return sort();
  if (strcmp(command, "wait") == 0) return wait_for(atol(argv[2]));
  if (strcmp(command, "random") == 0) return random_bytes();
  if (strcmp(command, "exit") == 0) exit(atoi(argv[2]));
  if (strcmp(command, "crash") == 0) abort();
  fprintf(stderr, "unknown command %s\n", command);
  return 64;
}
