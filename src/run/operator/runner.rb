# Runs one Ruby method for a task. Arguments: the method, a JSON file to read, a JSON file to write.
#
# Reads {"params": {...}, "require": name or null}; writes {"subtask_config", "export_params", "store_params"} and,
# when the method failed, "error" with class, message and backtrace.
require 'json'

module Digdag
  # What a script sees of its task, as `Digdag.env`.
  class Env
    attr_reader :params, :subtask_config, :export_params, :store_params

    def initialize(params)
      @params = params
      @subtask_config = {}
      @export_params = {}
      @store_params = {}
      @subtask_count = 0
    end

    # Parameters for the tasks after this one.
    def store(params)
      @store_params.merge!(Plain.map(params))
      self
    end

    # Parameters for the task's own subtasks.
    def export(params)
      @export_params.merge!(Plain.map(params))
      self
    end

    # Kept for scripts that call it; a task has no state of its own here.
    def set_state(_params)
      self
    end

    # add_subtask({...}) | add_subtask(:method, params) | add_subtask(Class, :method, params)
    def add_subtask(*arguments, **keywords)
      arguments << keywords unless keywords.empty?
      config = subtask(*arguments)
      @subtask_config["+subtask#{@subtask_count}"] = config
      @subtask_count += 1
      self
    end

    private

    def subtask(first, *rest)
      return Plain.map(first) if first.is_a?(Hash) && rest.empty?

      name = first.to_s
      name = "::#{first.name}.#{rest.shift}" if first.is_a?(Module)
      params = rest.shift || {}
      raise ArgumentError, 'add_subtask: too many arguments' unless rest.empty?

      Plain.map(params).merge('rb>' => name)
    end
  end

  # Values as JSON knows them.
  module Plain
    module_function

    def map(params)
      raise ArgumentError, "parameters must be a Hash, but got #{params.class}" unless params.is_a?(Hash)

      params.to_h { |key, value| [key.to_s, value(value, key)] }
    end

    def value(value, key)
      case value
      when nil, true, false, Integer then value
      when Float then value.finite? ? value : unfit(value, key)
      when String then text(value, key)
      when Symbol then value.to_s
      when Array then value.map { |item| value(item, key) }
      when Hash then map(value)
      else unfit(value, key)
      end
    end

    # What libraries give as bytes is taken as text when it is text.
    def text(value, key)
      text = value.encoding == Encoding::BINARY ? value.dup.force_encoding(Encoding::UTF_8) : value.encode(Encoding::UTF_8)
      text.valid_encoding? ? text : unfit(value, key)
    rescue EncodingError
      unfit(value, key)
    end

    def unfit(value, key)
      raise ArgumentError, "parameter '#{key}' cannot be written as JSON: it is a #{value.class}"
    end
  end

  # Finds the method and fills its arguments by name.
  class Call
    def initialize(command, params, main)
      *path, @name = command.split('.')
      @params = params
      @receiver = path.empty? ? main : Object.const_get(path.join('::').delete_prefix('::'))
      @top_level = path.empty?
    end

    def run
      return invoke(@receiver.method(@name), @name) if @top_level
      return invoke(@receiver.method(@name), "#{@receiver}.#{@name}") unless instance?

      arguments, keywords = fill(@receiver.instance_method(:initialize).parameters, "#{@receiver}#initialize")
      object = @receiver.new(*arguments, **keywords)
      invoke(object.method(@name), "#{@receiver}##{@name}")
    end

    private

    def instance?
      @receiver.is_a?(Class) && @receiver.public_instance_methods.include?(@name.to_sym)
    end

    def invoke(method, label)
      arguments, keywords = fill(method.parameters, label)
      method.call(*arguments, **keywords)
    end

    def fill(parameters, label)
      arguments = []
      keywords = {}
      skipped = false
      parameters.each do |kind, name|
        key = name.to_s
        case kind
        when :req then arguments << required(key, label)
        when :opt
          skipped ||= !@params.key?(key)
          arguments << @params[key] unless skipped
        when :keyreq then keywords[name] = required(key, label)
        when :key then keywords[name] = @params[key] if @params.key?(key)
        when :keyrest then keywords = symbolized(@params).merge(keywords)
        end
      end
      [arguments, keywords]
    end

    def required(key, label)
      @params.fetch(key) { raise ArgumentError, "Method '#{label}' requires parameter '#{key}' but not set" }
    end

    def symbolized(value)
      case value
      when Hash then value.to_h { |key, item| [key.to_sym, symbolized(item)] }
      when Array then value.map { |item| symbolized(item) }
      else value
      end
    end
  end

  class << self
    attr_accessor :env
  end
end

$stdout.sync = true
command, input, output = ARGV.shift(3)
given = JSON.parse(File.read(input, encoding: Encoding::UTF_8))
Digdag.env = Digdag::Env.new(given['params'])
error = nil
begin
  require given['require'] if given['require']
  Digdag::Call.new(command, Digdag.env.params, self).run
rescue SystemExit => e
  error = e unless e.success?
rescue Exception => e # rubocop:disable Lint/RescueException -- whatever ends the script is the task's failure
  error = e
end
result = {
  subtask_config: Digdag::Plain.map(Digdag.env.subtask_config),
  export_params: Digdag.env.export_params,
  store_params: Digdag.env.store_params
}
if error
  message = error.message.dup.force_encoding(Encoding::UTF_8).scrub
  # Frames of this file say nothing to the author of the script.
  frames = (error.backtrace || []).reject { |frame| frame.start_with?(__FILE__) }
  result[:error] = { class: error.class.name, message: message, backtrace: frames }
  warn "#{message} (#{error.class})", *frames.map { |frame| "\tfrom #{frame}" }
end
File.write(output, JSON.generate(result))
exit(error.is_a?(SystemExit) ? error.status : 1) if error
