# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every option of the image's Airflow, sorted: SM2A's own, refused, or free.

An option is refused if it would take back, without a word, what SM2A promises, or if it cannot work on Fargate.
Whatever a new version brings has to be sorted here, unless it is in a section that is free as a whole.
"""

from __future__ import annotations

from ._names import API_SERVER_PORT

_SECRET = "Airflow reads it from Secrets Manager"
_QUEUES = "each pool of sm2a_worker_pools has its SQS queue"
_REMOTE_LOG = "tasks' logs are in the log bucket, from where the API server reads them"
_BACKEND = (
    "connections, variables and keys are read from Secrets Manager; use sm2a_connections_lookup_pattern, "
    "sm2a_variables_lookup_pattern and sm2a_secrets_cache_seconds"
)
_PROXY = "headers that are not the load balancer's could come from anybody"
_CONCURRENCY = "use sm2a_worker_pools.<pool>.concurrency, with which the scaler counts"
_ACKNOWLEDGE = (
    "a message that is acknowledged before its task has ended is lost with its worker, and the scaler counts messages "
    "that are not acknowledged"
)
_PROCESSES = "a worker runs each task in a process of its own, and its protection is made for that"
_PORT = (
    f"the load balancer and the health check ask port {API_SERVER_PORT} by HTTP; "
    "for HTTPS use load_balancer_certificate_arn"
)
_LOG_SERVER = "the security group lets the API server in at this port only"
_LOGS = "logs are groomed and served where Airflow writes them by default, in the folder that can be written to"
_SSL = "SQS always uses HTTPS, and Celery takes certificates for other brokers only"
_TOKENS = "tokens are signed and checked with one key, which is in Secrets Manager"
_DATABASE = "it goes before what the address of the database says of TLS"
_EXECUTOR = "the scaler and the workers are made for the CeleryExecutor"
_AUTH_MANAGER = "SM2A makes its administrator with the auth manager of the FAB provider"

# What SM2A sets, and what to set instead, or why there is nothing to set.
OURS = {
    "api.base_url": "use load_balancer_domain_name or load_balancer_url",
    "api.secret_key": _SECRET,
    "api_auth.jwt_secret": _SECRET,
    "celery.broker_url": _QUEUES,
    "celery.worker_concurrency": _CONCURRENCY,
    "celery.worker_enable_remote_control": "SQS has no remote control",
    "celery_broker_transport_options.predefined_queues": _QUEUES,
    "celery_broker_transport_options.region": "use sm2a_region",
    "celery_broker_transport_options.visibility_timeout": "the queues have their own, queue_visibility_timeout",
    "core.auth_manager": _AUTH_MANAGER,
    "core.execution_api_server_url": "use sm2a_execution_api_server_url",
    "core.executor": _EXECUTOR,
    "core.fernet_key": _SECRET,
    "core.hostname_callable": "the API server reads the logs of running tasks at the address that it returns",
    "database.sql_alchemy_conn": _SECRET,
    "fab.cookie_secure": "it follows from the address, see load_balancer_protocol",
    "fab.enable_proxy_fix": _PROXY,
    "fab.proxy_fix_x_for": _PROXY,
    "fab.proxy_fix_x_host": _PROXY,
    "fab.proxy_fix_x_port": _PROXY,
    "fab.proxy_fix_x_prefix": _PROXY,
    "fab.session_backend": "sessions are in the database; workers know the key that would sign one in a cookie",
    "logging.logging_config_class": "with its own, logs are read and uploaded a part at a time",
    "logging.remote_base_log_folder": _REMOTE_LOG,
    "logging.remote_log_conn_id": _REMOTE_LOG,
    "logging.remote_logging": _REMOTE_LOG,
    "operators.default_queue": "use sm2a_default_worker_pool",
    "secrets.backend": _BACKEND,
    "secrets.backend_kwargs": _BACKEND,
}

REFUSED = {
    "api.host": _PORT,
    "api.port": _PORT,
    "api.server_type": "the image has no gunicorn",
    "api.ssl_ca_file": _PORT,
    "api.ssl_cert": _PORT,
    "api.ssl_cert_reqs": _PORT,
    "api.ssl_key": _PORT,
    "api_auth.jwt_private_key_path": _TOKENS,
    "api_auth.trusted_jwks_url": _TOKENS,
    "aws.s3_task_handler_acl_policy": "the log bucket takes no lists of access",
    "celery.celery_config_options": "use celery.extra_celery_config, which can be checked before anything runs",
    "celery.pool": _PROCESSES,
    "celery.result_backend": "results are in the metadata database, where each service has a login of its own",
    "celery.ssl_active": _SSL,
    "celery.ssl_cacert": _SSL,
    "celery.ssl_cert": _SSL,
    "celery.ssl_key": _SSL,
    "celery.ssl_mutual_tls": _SSL,
    "celery.task_acks_late": _ACKNOWLEDGE,
    "celery.worker_autoscale": _CONCURRENCY,
    "celery.worker_prefetch_multiplier": "a message that waits in a worker is one that no other worker can take",
    "celery_broker_transport_options.is_secure": _SSL,
    "celery_broker_transport_options.queue_name_prefix": _QUEUES,
    "core.default_impersonation": "there is no sudo in a container, and no capability that it would need",
    "core.hide_sensitive_var_conn_fields": "passwords of connections would be in logs and in the web interface",
    "core.multi_team": "the scaler knows no queues of teams",
    "core.simple_auth_manager_all_admins": _AUTH_MANAGER,
    "core.simple_auth_manager_passwords_file": _AUTH_MANAGER,
    "core.simple_auth_manager_users": _AUTH_MANAGER,
    "core.unit_test_mode": "it replaces the configuration by that of Airflow's own tests",
    "database.alembic_ini_file_path": "the migration is Airflow's own",
    "database.sql_alchemy_conn_async": "Airflow derives it from the address that is in Secrets Manager",
    "database.sql_alchemy_connect_args": _DATABASE,
    "database.sql_alchemy_connect_args_async": _DATABASE,
    "database.sql_alchemy_schema": "the users of the database have rights on the schema that the migration makes",
    "fab.proxy_fix_x_proto": _PROXY,
    "logging.base_log_folder": _LOGS,
    "logging.dag_processor_child_process_log_directory": _LOGS,
    "logging.delete_local_logs": (
        "a log is emptied when it has been uploaded, and its file is deleted later; Airflow would at once delete the "
        "folder, and with it the log of a retry that is running there"
    ),
    "logging.encrypt_s3_logs": "the log bucket encrypts by itself, and with your key if there is one",
    "logging.remote_task_handler_kwargs": _REMOTE_LOG,
    "logging.task_log_reader": _REMOTE_LOG,
    "logging.trigger_log_server_port": _LOG_SERVER,
    "logging.worker_log_server_port": _LOG_SERVER,
    "scheduler.num_runs": "ECS starts a scheduler again that ends",
    "scheduler.use_row_level_locking": "there are several schedulers, if only while one takes over from another",
    "triggerer.queues_enabled": "triggerers are started for all queues",
    "workers.secrets_backend": _BACKEND,
    "workers.secrets_backend_kwargs": _BACKEND,
}

REFUSED_SECTIONS = {
    "aws_auth_manager": _AUTH_MANAGER,
    "aws_batch_executor": _EXECUTOR,
    "aws_ecs_executor": _EXECUTOR,
    "aws_eks_executor": _EXECUTOR,
    "aws_lambda_executor": _EXECUTOR,
    "celery_kubernetes_executor": _EXECUTOR,
}

# Sections about which SM2A promises nothing, so that what a new version brings is free too.
_FREE_SECTIONS = """
    aws callbacks celery_result_backend_transport_options common.io connection_test email kerberos lineage metrics
    postgres profiling sensors sentry smtp standard state_store traces
"""
FREE_SECTIONS = frozenset(_FREE_SECTIONS.split())

FREE = {
    section: frozenset(options.split())
    for section, options in {
        "api": """
            access_control_allow_headers access_control_allow_methods access_control_allow_origins
            auto_refresh_interval client_ssl_cert client_ssl_key client_use_public_certs dag_cache_size dag_cache_ttl
            default_wrap enable_swagger_ui expose_config expose_stacktrace fallback_page_limit grid_view_sorting_order
            hide_paused_dags_by_default instance_name jwt_audience log_config log_fetch_timeout_sec
            log_stream_buffer_size maximum_page_limit require_confirmation_dag_change theme worker_refresh_batch_size
            worker_refresh_interval worker_timeout workers
        """,
        "api_auth": """
            jwt_algorithm jwt_audience jwt_cli_expiration_time jwt_expiration_time jwt_issuer jwt_kid jwt_leeway
        """,
        "celery": """
            broker_connection_retry_on_startup celery_app_name extra_celery_config flower_basic_auth flower_host
            flower_port flower_url_prefix json_logs mp_forkserver_preload mp_start_method operation_timeout
            result_backend_sqlalchemy_engine_options sync_parallelism task_logs_to_stdout task_publish_max_retries
            task_track_started worker_precheck worker_umask
        """,
        "celery_broker_transport_options": "sentinel_kwargs",
        "core": """
            allow_double_dot_in_ids allowed_deserialization_classes allowed_deserialization_classes_regexp
            asset_manager_class asset_manager_kwargs compress_serialized_dags daemon_umask dag_discovery_safe_mode
            dag_ignore_file_syntax dag_run_conf_overrides_params dagbag_import_error_traceback_depth
            dagbag_import_error_tracebacks dagbag_import_timeout dags_are_paused_at_creation dags_folder
            dbapihook_resolve_target_fields default_pool_task_slot_count default_task_execution_timeout
            default_task_retries default_task_retry_delay default_task_weight_rule default_timezone
            execute_tasks_new_python_interpreter killed_task_cleanup_time lazy_discover_providers lazy_load_plugins
            load_examples max_active_runs_per_dag max_active_tasks_per_dag max_consecutive_failed_dag_runs_per_dag
            max_map_length max_task_retry_delay max_templated_field_length might_contain_dag_callable
            min_serialized_dag_update_interval mp_forkserver_preload mp_start_method
            num_dag_runs_to_retain_rendered_fields parallelism plugins_folder rerun_with_latest_version security
            sensitive_var_conn_names task_success_overtime team_name_cache_ttl test_connection xcom_backend
        """,
        "dag_processor": """
            bundle_refresh_check_interval dag_bundle_config_list dag_bundle_storage_path dag_file_processor_timeout
            dag_version_inflation_check_level disable_bundle_versioning file_parsing_sort_mode health_check_threshold
            max_callbacks_per_loop min_file_process_interval parsing_pre_import_modules parsing_processes
            print_stats_interval refresh_interval stale_bundle_cleanup_age_threshold stale_bundle_cleanup_interval
            stale_bundle_cleanup_min_versions stale_dag_threshold
        """,
        "database": """
            check_migrations external_db_managers max_db_retries migration_batch_size sql_alchemy_engine_args
            sql_alchemy_max_overflow sql_alchemy_pool_enabled sql_alchemy_pool_pre_ping sql_alchemy_pool_recycle
            sql_alchemy_pool_size sql_alchemy_session_maker sql_engine_collation_for_ids sql_engine_encoding
        """,
        "execution_api": "jwt_audience jwt_expiration_time otel_trace_propagation",
        "fab": """
            access_denied_message auth_backends auth_rate_limit auth_rate_limited auth_role_public cache_ttl
            config_file cookie_samesite custom_roles expose_hostname navbar_color navbar_hover_color navbar_text_color
            navbar_text_hover_color session_lifetime_minutes session_max_lifetime_minutes update_fab_perms
        """,
        "logging": """
            callsite_parameters celery_logging_level celery_stdout_stderr_separation color_log_error_keywords
            color_log_warning_keywords colored_console_log dag_processor_log_format dag_processor_log_target
            extra_logger_names fab_logging_level file_task_handler_new_file_permissions
            file_task_handler_new_folder_permissions google_key_path interleave_timestamp_parser json_logs
            log_filename_template log_format log_formatter_class log_timestamp_format logging_level
            min_length_masked_secret namespace_levels secret_mask_adapter simple_log_format task_log_prefix_template
            task_logs_to_stdout uvicorn_logging_level
        """,
        "operators": """
            default_cpus default_deferrable default_disk default_gpus default_owner default_ram
        """,
        "scheduler": """
            allowed_run_id_pattern catchup_by_default create_cron_data_intervals create_delta_data_intervals
            dagrun_metrics_interval enable_health_check enable_tracemalloc ignore_first_depends_on_past_by_default
            job_heartbeat_sec max_dagruns_per_loop_to_schedule max_dagruns_to_create_per_loop max_tis_per_query
            num_stuck_in_queued_retries only_idle orphaned_tasks_check_interval parsing_cleanup_interval
            partition_mapper_max_downstream_keys pool_metrics_interval scheduler_health_check_server_host
            scheduler_health_check_server_port scheduler_health_check_threshold scheduler_heartbeat_sec
            scheduler_idle_sleep_time task_instance_heartbeat_sec task_instance_heartbeat_timeout
            task_instance_heartbeat_timeout_detection_interval task_queued_timeout task_queued_timeout_check_interval
            ti_metrics_interval trigger_timeout_check_interval use_job_schedule
        """,
        "sdk": "coordinators queue_to_coordinator",
        "secrets": "cache_ttl_seconds use_cache",
        "triggerer": """
            blocked_main_thread_warning_threshold capacity job_heartbeat_sec max_trigger_to_select_per_loop
            on_kill_timeout runner_health_check_threshold shared_stream_ack_timeout shared_stream_cohort_grace_period
            shared_stream_subscriber_queue_size triggerer_health_check_threshold
        """,
        "workers": """
            execution_api_retries execution_api_retry_wait_max execution_api_retry_wait_min execution_api_timeout
            max_failed_heartbeats min_heartbeat_interval missing_dag_retries missing_dag_retry_delay
            socket_cleanup_timeout state_store_backend
        """,
    }.items()
}

# Celery's own names, for `celery.extra_celery_config`.
# https://docs.celeryq.dev/en/stable/userguide/configuration.html
_RESULTS = REFUSED["celery.result_backend"]
CELERY = {
    "broker_read_url": _QUEUES,
    "broker_transport": _QUEUES,
    "broker_transport_options": "use the section celery_broker_transport_options",
    "broker_url": _QUEUES,
    "broker_use_ssl": _SSL,
    "broker_write_url": _QUEUES,
    "database_table_names": _RESULTS,
    "database_table_schemas": _RESULTS,
    "database_url": _RESULTS,
    "result_backend": _RESULTS,
    "task_acks_late": _ACKNOWLEDGE,
    "task_acks_on_failure_or_timeout": _ACKNOWLEDGE,
    "task_always_eager": "the scheduler itself would run the tasks",
    "task_annotations": f"it can change task_acks_late; {_ACKNOWLEDGE}",
    "task_default_queue": OURS["operators.default_queue"],
    "task_ignore_result": "the scheduler would never learn that a task has left its queue",
    "task_queues": _QUEUES,
    "task_routes": _QUEUES,
    "worker_autoscaler": _CONCURRENCY,
    "worker_cancel_long_running_tasks_on_connection_loss": "a running task would end with the connection to SQS",
    "worker_concurrency": _CONCURRENCY,
    "worker_direct": _QUEUES,
    "worker_enable_remote_control": OURS["celery.worker_enable_remote_control"],
    "worker_pool": _PROCESSES,
    "worker_prefetch_multiplier": REFUSED["celery.worker_prefetch_multiplier"],
}

# Variables of the image, of ECS and of Celery, as regular expressions: whose they are, and why.
VARIABLES = {
    r"AIRFLOW_CONFIG": "options are given as variables, which can be checked before anything runs",
    r"AIRFLOW_HOME": "it is the folder of the image that can be written to",
    r"AWS_DEFAULT_REGION": "use sm2a_region",
    r"CELERY_BROKER_(READ_|WRITE_)?URL": _QUEUES,
    r"CELERY_CUSTOM_WORKER_POOL": _PROCESSES,
    r"CELERY_LOADER": "Airflow configures Celery",
    r"CELERY_RESULT_BACKEND": _RESULTS,
    r"DUMB_INIT_SETSID": "a worker's tasks end before it does, so the signal to stop is for the worker alone",
    r"ECS_(AGENT_URI|CONTAINER_METADATA_URI(_V4)?)": "ECS sets it, and a worker asks for its protection there",
    r"FORWARDED_ALLOW_IPS": "use airflow_forwarded_allow_ips",
    r"PYTHONPATH": "the image's own programs are found by it",
    r"REMAP_SIGTERM": "Celery would end running tasks at the signal at which they are to finish",
    r"SM2A_\w+": "the programs of the images read it",
}


def reason_against(section: str, option: str) -> str:
    """Return why an option may not be set, or what to set instead; nothing if it is free, or unknown here."""
    name = f"{section}.{option}"
    if name in OURS:
        return f"SM2A sets this itself: {OURS[name]}"
    return REFUSED.get(name) or REFUSED_SECTIONS.get(section, "")
